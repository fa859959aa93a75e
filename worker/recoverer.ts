/**
 * Takes over what other workers left behind: deliveries silent for the claim idle time.
 *
 * Owns the looks at the longest silence: the next is exactly when a delivery may be due, so never
 * later than a claim idle time.
 * A delivery that was begun before runs alone, so that the batch mates of a crash are not blamed.
 * Invariant: at most one delivery that was begun before is under way.
 *
 * @module
 */
import type { Delivery, JobSource } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Log } from "../shared/log.ts";
import { jobFields } from "../shared/traceparent.ts";
import type { WorkerMetrics } from "./metrics.ts";

export interface RecovererParts {
  readonly source: Pick<JobSource, "claim" | "longestIdle">;
  /**
   * Runs a delivery; resolves when it is settled, handed on where it may share a batch, or when
   * the signal aborts.
   */
  readonly recover: (delivery: Delivery, signal: AbortSignal) => Promise<void>;
  readonly metrics: Pick<WorkerMetrics, "redelivered">;
  /** `WEIR_CLAIM_IDLE_MS`. */
  readonly claimIdleMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class Recoverer {
  readonly #parts: RecovererParts;
  #wake = new AbortController();
  /** When a delivery that this worker put off is due; by the monotonic clock. */
  #dueAt = Infinity;

  constructor(parts: RecovererParts) {
    this.#parts = parts;
  }

  /** Looks until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    while (!signal.aborted) {
      let pauseMs = this.#parts.claimIdleMs / 2;
      try {
        pauseMs = await this.runOnce(signal);
      } catch (error) {
        log.warn("recovery failed, trying again later", { error: String(error) });
      }
      this.#wake = new AbortController();
      const untilDueMs = Math.max(0, this.#dueAt - clock.now());
      if (untilDueMs < pauseMs) this.#dueAt = Infinity;
      await clock.sleep(
        Math.min(pauseMs, untilDueMs),
        AbortSignal.any([signal, this.#wake.signal]),
      );
    }
  }

  /**
   * Takes over what is due.
   *
   * @returns milliseconds until the next look
   */
  async runOnce(signal: AbortSignal): Promise<number> {
    const { source, recover, metrics, claimIdleMs, log } = this.#parts;
    const idleMs = await source.longestIdle();
    if (idleMs < claimIdleMs) return claimIdleMs - idleMs;
    for await (const delivery of source.claim(signal)) {
      log.info("job taken over", jobFields(delivery));
      metrics.redelivered();
      await recover(delivery, signal);
      if (signal.aborted) break;
    }
    return 0;
  }

  /** Looks again after a delay: this worker has put a delivery off until then. */
  lookAfter(delayMs: number): void {
    this.#dueAt = Math.min(this.#dueAt, this.#parts.clock.now() + delayMs);
    this.#wake.abort();
  }
}
