/**
 * A process under test, with everything it prints.
 *
 * Owns the process. Its standard input stays open as long as the test runs, so that a role with a
 * lifeline ends even when the tests are killed. Invariant: after disposing, it is gone.
 *
 * @module
 */
import { join } from "node:path";
import { withoutSettings } from "../shared/config.ts";
import { linesOf } from "../shared/lines.ts";
import { within } from "./waiting.ts";

/** The checkout. */
export const ROOT = join(import.meta.dirname!, "..");

/** The environment of the tests without any setting of Weir's, under the given one. */
export function environment(env: Readonly<Record<string, string>>): Record<string, string> {
  return { ...withoutSettings(Deno.env.toObject()), NO_COLOR: "1", ...env };
}

export class Program implements AsyncDisposable {
  /** For messages: `worker 1`. */
  readonly name: string;
  /** What it has printed so far, standard error included. */
  readonly lines: string[] = [];
  /** How it ended, once all it printed is in `lines`. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #process: Deno.ChildProcess;
  #exited = false;
  #over = false;
  #printed = Promise.withResolvers<void>();

  /**
   * Starts it.
   *
   * @param args arguments for the Deno that runs the tests
   * @param cwd the checkout, unless given
   */
  constructor(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    { cwd = ROOT }: { readonly cwd?: string } = {},
  ) {
    this.name = name;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [...args],
      env: environment(env),
      clearEnv: true,
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // A Ctrl-C at the tests is not one at what they test.
      detached: true,
    }).spawn();
    const { stdout, stderr, status } = this.#process;
    const exited = status.finally(() => this.#exited = true);
    this.ended = Promise.all([exited, this.#follow(stdout), this.#follow(stderr)])
      .then(([ended]) => {
        this.#over = true;
        this.#announce();
        return ended;
      });
  }

  /** Process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Whether it has ended, and all it printed is in `lines`. */
  get over(): boolean {
    return this.#over;
  }

  async #follow(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const line of linesOf(stream)) {
      this.lines.push(line);
      this.#announce();
    }
  }

  #announce(): void {
    this.#printed.resolve();
    this.#printed = Promise.withResolvers();
  }

  /**
   * Waits for a line, printed already or not yet.
   *
   * @param from number of lines to pass over
   * @throws {Error} where it ends without having printed one
   */
  async line(pattern: RegExp, from = 0): Promise<string> {
    return await within(this.#find(pattern, from), `${this.name} prints ${pattern}`);
  }

  async #find(pattern: RegExp, from: number): Promise<string> {
    while (true) {
      const line = this.lines.slice(from).find((line) => pattern.test(line));
      if (line !== undefined) return line;
      if (this.#over) throw new Error(`${this.name} ended without printing ${pattern}`);
      await this.#printed.promise;
    }
  }

  /** Sends a signal, where it still runs. */
  kill(signal: Deno.Signal): void {
    try {
      if (!this.#exited) this.#process.kill(signal);
    } catch (error) {
      // It ended, and its status has not been read yet.
      if (!/already terminated/.test(String(error))) throw error;
    }
  }

  /** Sends a signal to its process group, as a terminal does for Ctrl-C. */
  killGroup(signal: Deno.Signal): void {
    if (!this.#exited) Deno.kill(-this.pid, signal);
  }

  /** Waits for its end, and gives its exit code. */
  async code(): Promise<number> {
    return (await within(this.ended, `${this.name} ends`)).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.#process.stdin.close().catch(() => {});
    await this.ended;
  }
}
