/**
 * A clock that a test moves by hand: no time passes but what the test lets pass.
 *
 * @module
 */
import type { Clock } from "../clock.ts";

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();
  #changed = Promise.withResolvers<void>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#now + ms, call };
    this.#timers.add(timer);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    return () => void this.#timers.delete(timer);
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.after(ms, done);
      signal.addEventListener("abort", done);
    });
  }

  /** Timers and sleepers that wait for their time. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Resolves once so many timers and sleepers wait for their time. */
  async untilWaiting(count = 1): Promise<void> {
    while (this.#timers.size < count) await this.#changed.promise;
  }

  /** Lets time pass: calls what is due on the way, in the order of its time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    while (true) {
      const due = [...this.#timers].filter(({ at }) => at <= end);
      const [next] = due.sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.call();
    }
    this.#now = end;
  }
}
