/**
 * Writes outcomes, and keeps at it while the broker is away.
 *
 * Owns the outcomes that are not written yet. Invariant: an outcome is given up only when the
 * process ends; the job then goes to another worker.
 *
 * @module
 */
import type { Finished, JobSource } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Log } from "../shared/log.ts";

export interface SettlerParts {
  readonly source: Pick<JobSource, "settle">;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the tries: the process is about to exit. */
  readonly giveUp: AbortSignal;
}

/** Pause between two tries. */
const RETRY_PAUSE_MS = 250;

export class Settler {
  readonly #parts: SettlerParts;
  readonly #pending = new Set<Promise<void>>();

  constructor(parts: SettlerParts) {
    this.#parts = parts;
  }

  /** Begins to write outcomes; they are one round trip. */
  settle(done: readonly Finished[]): void {
    const pending = this.#write(done).finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  /** Waits until all outcomes so far are written, or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #write(done: readonly Finished[]): Promise<void> {
    const { source, clock, log, giveUp } = this.#parts;
    for (let tries = 1; !giveUp.aborted; tries++) {
      try {
        const states = await source.settle(done);
        done.forEach(({ delivery: { id, model }, outcome }, i) => {
          const failed = outcome.state === "failed";
          log[failed ? "info" : "debug"]("job settled", {
            job: id,
            model,
            state: states[i],
            ...(failed && { code: outcome.error.code, detail: outcome.error.detail }),
          });
        });
        return;
      } catch (error) {
        if (tries === 1) {
          log.warn("outcomes cannot be written, trying again", { error: String(error) });
        }
        await clock.sleep(RETRY_PAUSE_MS, giveUp);
      }
    }
  }
}
