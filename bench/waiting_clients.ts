/**
 * Clients that send a job, wait for its outcome, and send the next one.
 *
 * Owns the requests under way; all have ended after disposing. Invariant: a wrong answer is thrown
 * by the next look at what they were told.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";

/**
 * Sends one job and waits for its answer.
 *
 * @returns when the worker had the outcome: milliseconds since 1970 by the machine's clock
 * @throws {Error} where the answer is wrong
 */
export type Ask = (signal: AbortSignal) => Promise<number>;

export class WaitingClients implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #clients: Promise<unknown>;
  #added: number[] = [];
  #error: unknown;

  /** Begins at once. */
  constructor(count: number, ask: Ask, clock: Clock) {
    const { signal } = this.#stop;
    const client = async () => {
      while (!signal.aborted) {
        const finishedAt = await ask(signal);
        this.#added.push(clock.wall() - finishedAt);
      }
    };
    this.#clients = Promise.all(Array.from({ length: count }, client)).catch((error) => {
      if (!signal.aborted) this.#error = error;
    });
  }

  /** Milliseconds by which each answer since the last call came later than its outcome was there. */
  take(): number[] {
    if (this.#error !== undefined) throw this.#error;
    return this.#added.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#clients;
  }
}
