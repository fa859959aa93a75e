/**
 * One process of `start`: started, watched, restarted after a crash, drained.
 *
 * Owns the process. Its standard input is a lifeline: when it closes, however we die, the child
 * drains and exits. Invariant: after `stop` there is no process.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import { linesOf } from "../shared/lines.ts";
import type { Log } from "../shared/log.ts";

export interface ChildParts {
  /** For the log: `worker 1`. */
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Takes a line of its standard error. */
  readonly complain: (line: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Pauses before restarts: doubling from the first, back to it after a long life. */
const RESTART_PAUSE_MS = 500;
const RESTART_PAUSE_MAX_MS = 30_000;
const LONG_LIFE_MS = 60_000;

export class Child {
  readonly name: string;
  readonly #parts: ChildParts;
  readonly #stopping = new AbortController();
  readonly #firstEnd = Promise.withResolvers<number>();
  #restarts = false;
  /** What it said on standard error before it had been seen to work. */
  readonly #earlyComplaints: string[] = [];
  #passing: Promise<void> = Promise.resolve();
  #process: Deno.ChildProcess;
  #watching: Promise<void>;

  constructor(parts: ChildParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#process = this.#spawn();
    this.#watching = this.#watch();
  }

  /** Exit code of the first process, whenever it ends: before it was ready, that is a failure. */
  get firstEnd(): Promise<number> {
    return this.#firstEnd.promise;
  }

  /** From now on it is started again whenever it ends by itself: it has been seen to work. */
  keepAlive(): void {
    this.#restarts = true;
    this.#earlyComplaints.splice(0).forEach(this.#parts.complain);
  }

  /** Why it ended before it had been seen to work, in its own words where it had any. */
  complaint(code: number): string {
    const said = this.#earlyComplaints.map((line) => line.replace(/^weir: /, ""));
    return said.length > 0 ? said.join("\n") : `${this.name} ended with exit code ${code}`;
  }

  #complain(line: string): void {
    if (this.#restarts) this.#parts.complain(line);
    else this.#earlyComplaints.push(line);
  }

  #spawn(): Deno.ChildProcess {
    const [program, ...args] = this.#parts.command;
    const process = new Deno.Command(program, {
      args,
      env: { ...this.#parts.env },
      clearEnv: true,
      stdin: "piped",
      stdout: "inherit",
      stderr: "piped",
      // Ctrl-C is ours to handle: senders stop before receivers.
      detached: true,
    }).spawn();
    this.#passing = passOn(process.stderr, (line) => this.#complain(line));
    return process;
  }

  async #watch(): Promise<void> {
    const { clock, log } = this.#parts;
    for (let pauseMs = RESTART_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, RESTART_PAUSE_MAX_MS)) {
      const began = clock.now();
      const { code, signal } = await this.#process.status;
      await this.#passing;
      // The lifeline goes with the process; closed already where it was told to drain.
      await this.#process.stdin.close().catch(() => {});
      this.#firstEnd.resolve(code);
      if (this.#stopping.signal.aborted || !this.#restarts) return;
      if (clock.now() - began > LONG_LIFE_MS) pauseMs = RESTART_PAUSE_MS;
      log.error("process died, restarting it", {
        name: this.name,
        code,
        signal: signal ?? "none",
        pauseMs,
      });
      await clock.sleep(pauseMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      this.#process = this.#spawn();
    }
  }

  /** Asks it to drain and waits until it is gone; `now` ends it at once. */
  async stop(now: AbortSignal): Promise<void> {
    this.#stopping.abort();
    const kill = () => this.#signal("SIGKILL");
    now.addEventListener("abort", kill, { once: true });
    if (now.aborted) kill();
    // Fails where the process is gone already, which is what is wanted.
    await this.#process.stdin.close().catch(() => {});
    await this.#watching;
    now.removeEventListener("abort", kill);
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch {
      // It is gone already.
    }
  }
}

/** What TensorFlow says at every start, whatever its log level: nothing that a person could mend. */
const CHATTER = [
  /^WARNING: All log messages before absl::InitializeLog\(\)/,
  /oneDNN custom operations are on/,
];

/** Passes lines on as they come, chatter left out. */
async function passOn(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  complain: (line: string) => void,
): Promise<void> {
  for await (const line of linesOf(stream)) {
    if (!CHATTER.some((known) => known.test(line))) complain(line);
  }
}
