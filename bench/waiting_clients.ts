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
 * @returns when the outcome was there: milliseconds since 1970 by the machine's clock; undefined
 * where the job was refused, to be sent again
 * @throws {Error} where the answer is wrong
 */
export type Ask = (signal: AbortSignal) => Promise<number | undefined>;

/** Pause of a client that was refused. */
const REFUSED_PAUSE_MS = 100;

/** One answer. Times are milliseconds. */
export interface Answered {
  /** When the outcome was there, since 1970. */
  readonly finishedAt: number;
  /** By how much the answer came later. */
  readonly addedMs: number;
}

export class WaitingClients implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #ask: Ask;
  readonly #clock: Clock;
  readonly #clients: Promise<unknown>[] = [];
  readonly #answered: Answered[] = [];
  #refused = 0;
  #error: unknown;

  /** @param count how many begin at once */
  constructor(count: number, ask: Ask, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
    this.add(count);
  }

  /** Lets so many more begin. */
  add(count: number): void {
    for (let i = 0; i < count; i++) {
      const client = this.#run().catch((error) => {
        if (!this.#stop.signal.aborted) this.#error = error;
      });
      this.#clients.push(client);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const finishedAt = await this.#ask(signal);
      if (finishedAt !== undefined) {
        this.#answered.push({ finishedAt, addedMs: this.#clock.wall() - finishedAt });
        continue;
      }
      this.#refused++;
      await this.#clock.sleep(REFUSED_PAUSE_MS, signal);
    }
  }

  /** Answers since the last call. */
  take(): Answered[] {
    if (this.#error !== undefined) throw this.#error;
    return this.#answered.splice(0);
  }

  /** Jobs that were refused so far. */
  get refused(): number {
    return this.#refused;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#clients);
  }
}

/** How Weir is asked by such a client, which waits up to `limitMs`. */
export function askingWeir(url: string, photo: Uint8Array<ArrayBuffer>, limitMs: number): Ask {
  const headers = { prefer: `wait=${limitMs / 1000}` };
  return async (signal) => {
    const request = { method: "POST", body: photo, headers, signal };
    const response = await fetch(`${url}/v1/jobs`, request);
    const job = await response.json();
    if (response.status === 503) return undefined;
    if (job.state !== "succeeded") throw new Error(`wait for a job: ${JSON.stringify(job)}`);
    return Date.parse(job.finishedAt);
  };
}
