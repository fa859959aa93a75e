/**
 * A process that bench measures: started, waited for, asked for its processor time and memory.
 *
 * Owns the process. Never looks inside: what it knows is what that prints and what Linux tells.
 * Invariant: after disposing there is none; when we die, its standard input closes, and it ends.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import { linesOf } from "../shared/lines.ts";

export interface ChildParts {
  /** For people: `weir gateway`. */
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  /** What it prints once it serves; the first group is kept. */
  readonly ready: RegExp;
  /** Takes each line that it prints. */
  readonly onLine?: (line: string) => void;
  readonly clock: Clock;
}

/** What a process has cost so far. */
export interface Cost {
  /** Processor time, of all cores together. */
  readonly cpuSeconds: number;
  /** Resident memory now. */
  readonly rssBytes: number;
}

/** Clock ticks in a second, as `/proc` counts; Linux has had no other number for decades. */
const TICKS = 100;

/** Time to end by itself once it is asked to. */
const END_MS = 5_000;

export class Child implements AsyncDisposable {
  readonly name: string;
  /** The first group of what it printed when it became ready. */
  readonly identity: Promise<string>;
  readonly #process: Deno.ChildProcess;
  readonly #output: Promise<unknown>;
  readonly #clock: Clock;
  readonly #onLine: ChildParts["onLine"];
  #lastLine = "it says nothing";

  constructor(
    { name, command: [program, ...args], env, folder, ready, onLine, clock }: ChildParts,
  ) {
    this.name = name;
    this.#clock = clock;
    this.#onLine = onLine;
    this.#process = new Deno.Command(program, {
      args,
      env: { ...env },
      clearEnv: true,
      cwd: folder,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // Ctrl-C is ours to handle.
      detached: true,
    }).spawn();
    const identity = Promise.withResolvers<string>();
    this.identity = identity.promise;
    const { stdout, stderr } = this.#process;
    this.#output = Promise.all(
      [stdout, stderr].map((stream) => this.#read(stream, ready, identity.resolve)),
    ).finally(() => identity.reject(new Error(`starting ${name}: ${this.#lastLine}`)));
    // Whoever waits is told; where nobody does, disposing has ended it.
    this.identity.catch(() => {});
  }

  /** What it has cost so far; undefined where the system does not tell. */
  async cost(): Promise<Cost | undefined> {
    const { pid } = this.#process;
    // Deno itself reads there only with all permissions.
    const { success, stdout } = await new Deno.Command("cat", {
      args: [`/proc/${pid}/stat`, `/proc/${pid}/status`],
      stderr: "null",
    }).output();
    if (!success) return undefined;
    const [stat = "", ...status] = new TextDecoder().decode(stdout).split("\n");
    // After the name in brackets: state is field 3, utime 14, stime 15.
    const fields = stat.split(") ").at(-1)!.split(" ");
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS;
    const rss = /^VmRSS:\s+(\d+)/.exec(status.find((line) => line.startsWith("VmRSS")) ?? "");
    return { cpuSeconds, rssBytes: Number(rss?.[1]) * 1024 };
  }

  async #read(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    ready: RegExp,
    resolve: (identity: string) => void,
  ): Promise<void> {
    for await (const line of linesOf(stream)) {
      if (line !== "") this.#lastLine = line;
      this.#onLine?.(line);
      const found = ready.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { stdin, status } = this.#process;
    const stopWaiting = this.#clock.after(END_MS, () => this.#process.kill("SIGKILL"));
    await stdin.close().catch(() => {});
    await Promise.all([status, this.#output]);
    stopWaiting();
  }
}
