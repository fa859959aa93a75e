/**
 * One gateway or worker of a run: a process that is started again whenever it ended.
 *
 * Owns the process, one at a time, and keeps what it prints in a file. Never looks inside: what it
 * knows of the process is what that prints. Invariant: after `stop` or disposing there is none.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import { linesOf } from "../shared/lines.ts";
import type { History } from "./history.ts";

export interface RoleParts {
  /** For people: `worker2`. */
  readonly name: string;
  readonly role: "gateway" | "worker";
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Working folder: the checkout. */
  readonly root: string;
  /** File that takes what it prints. */
  readonly logFile: string;
  readonly history: History;
  readonly clock: Clock;
}

/** What a process says once it serves: a gateway its address, a worker its name. */
const READY = { gateway: /gateway ready url=(\S+)/, worker: /worker ready name=(\S+)/ } as const;

/** Pause before another start, where the process ended before it was ready: Redis may be away. */
const START_PAUSE_MS = 300;
/** A process that ends before it is ready so often in a row will never be. */
const STARTS_MAX = 20;

/** A role that does not start. */
export class StartError extends Error {
  override readonly name = "StartError";
}

export class RoleProcess implements AsyncDisposable {
  readonly name: string;
  /** What it said when it became ready: address or consumer's name. Undefined while it is not. */
  identity: string | undefined;
  readonly #parts: RoleParts;
  readonly #stopping = new AbortController();
  readonly #living: Promise<void>;
  #process: Deno.ChildProcess;
  #killed = false;
  /** How long it stays away after a kill. */
  #awayMs = 0;
  #changed = Promise.withResolvers<void>();
  #lastCode = 0;
  #lastLine = "it says nothing";
  /** Whether it is not started again. */
  #over = false;

  constructor(parts: RoleParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#process = this.#spawn();
    this.#living = this.#live().finally(() => this.#over = true);
  }

  /**
   * Waits until it is ready.
   *
   * @throws {StartError} with what it said last, where it will never be
   */
  async ready(): Promise<void> {
    while (this.identity === undefined) {
      await Promise.race([this.#changed.promise, this.#living]);
      if (this.#over) throw new StartError(`starting ${this.name}: ${this.#lastLine}`);
    }
  }

  /** Ends it at once; another one starts after a while. */
  kill(awayMs: number): void {
    this.#killed = true;
    this.#awayMs = awayMs;
    this.#signal("SIGKILL");
  }

  /** Stops the clock of the process as it is now; disposing lets it go on. */
  freeze(): Disposable {
    const frozen = this.#process;
    signalTo(frozen, "SIGSTOP");
    return { [Symbol.dispose]: () => signalTo(frozen, "SIGCONT") };
  }

  /** Asks it to drain; resolves with its exit code. */
  async stop(): Promise<number> {
    this.#stopping.abort();
    this.#signal("SIGTERM");
    await this.#living;
    return this.#lastCode;
  }

  async #live(): Promise<void> {
    const { clock, history } = this.#parts;
    const { signal } = this.#stopping;
    for (let starts = 1; !signal.aborted; starts++) {
      const status = await this.#follow();
      const wasReady = this.identity !== undefined;
      this.#become(undefined);
      this.#lastCode = status.code;
      if (signal.aborted) return;
      if (wasReady || this.#killed) starts = 0;
      if (wasReady && !this.#killed) {
        const text = status.signal ?? `code ${status.code}`;
        history.add({ kind: "died", process: this.name, status: text });
      }
      if (starts === STARTS_MAX) return;
      await clock.sleep(this.#killed ? this.#awayMs : START_PAUSE_MS, signal);
      if (signal.aborted) return;
      this.#killed = false;
      this.#process = this.#spawn();
    }
  }

  #spawn(): Deno.ChildProcess {
    const { command: [program, ...args], env, root } = this.#parts;
    return new Deno.Command(program, {
      args,
      env: { ...env },
      clearEnv: true,
      cwd: root,
      // A lifeline: when we die, however we do, it ends too.
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // Ctrl-C is ours to handle.
      detached: true,
    }).spawn();
  }

  /** Keeps what it prints, until it ends. */
  async #follow(): Promise<Deno.CommandStatus> {
    const { stdin, stdout, stderr, status } = this.#process;
    using file = await Deno.open(this.#parts.logFile, { create: true, append: true });
    const [ended] = await Promise.all([
      status,
      this.#keep(stdout, file),
      this.#keep(stderr, file),
    ]);
    await stdin.close().catch(() => {});
    return ended;
  }

  async #keep(stream: ReadableStream<Uint8Array<ArrayBuffer>>, file: Deno.FsFile): Promise<void> {
    const ready = READY[this.#parts.role];
    for await (const line of linesOf(stream)) {
      await file.write(new TextEncoder().encode(`${line}\n`));
      if (line !== "") this.#lastLine = line;
      const identity = ready.exec(line)?.[1];
      if (identity !== undefined) this.#become(identity);
    }
  }

  #become(identity: string | undefined): void {
    this.identity = identity;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #signal(signal: Deno.Signal): void {
    signalTo(this.#process, signal);
  }

  /** Ends it at once, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#signal("SIGKILL");
    await this.#living;
  }
}

function signalTo(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch {
    // It is gone already.
  }
}
