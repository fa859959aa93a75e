/**
 * Writes outcomes, and keeps at it while the broker is away.
 *
 * Owns the outcomes that are not written yet. Invariant: an outcome is given up only when the
 * process ends; its delivery then stays in the worker's hands, to be handed back.
 *
 * @module
 */
import type { Delivery, Finished, JobSource, Progress } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Log } from "../shared/log.ts";
import type { JobCounts } from "../shared/metrics.ts";
import { jobFields } from "../shared/traceparent.ts";
import type { Hands } from "./hands.ts";

export interface SettlerParts {
  /** One for each shard, by its number. */
  readonly sources: readonly Pick<JobSource, "progress" | "retry" | "settle">[];
  readonly hands: Hands;
  /** Called when a job was put off. */
  readonly onRetry: (delivery: Delivery, delayMs: number) => void;
  /** Told of every outcome that was written. */
  readonly counts: Pick<JobCounts, "finished">;
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

  /** Begins to write outcomes; they are one round trip a shard. */
  settle(done: readonly Finished[]): void {
    const told = done.map((finished) => {
      const work = this.#parts.hands.stagesOf(finished.delivery)?.work;
      return work === undefined ? finished : { ...finished, work };
    });
    for (const [shard, group] of Map.groupBy(told, ({ delivery }) => delivery.shard)) {
      this.#track(this.#write(shard, group));
    }
  }

  /**
   * Writes answers of a job that goes on, once: should that fail, they come with the next ones.
   *
   * @returns whether they are written
   */
  async report(progress: Progress): Promise<boolean> {
    const { sources, log } = this.#parts;
    try {
      await sources[progress.delivery.shard]!.progress([progress]);
      return true;
    } catch (error) {
      const fields = jobFields(progress.delivery);
      log.debug("progress cannot be written", { ...fields, error: String(error) });
      return false;
    }
  }

  /** Puts a job off after a passing fault. */
  retry(delivery: Delivery, delayMs: number): void {
    this.#track(this.#putOff(delivery, delayMs));
  }

  /** Waits until all outcomes so far are written, or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  #track(work: Promise<void>): void {
    const pending = work.finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  async #write(shard: number, done: readonly Finished[]): Promise<void> {
    const { sources, hands, counts, log } = this.#parts;
    const states = await this.#persistently(() => sources[shard]!.settle(done));
    states?.forEach((state, i) => {
      const { delivery, outcome } = done[i]!;
      if (state !== "late") counts.finished(delivery.model, state);
      hands.release(delivery, state);
      const fields = { ...jobFields(delivery), state };
      if (outcome.state === "failed" || outcome.state === "dead") {
        const { code, detail } = outcome.error;
        log.info("job failed", { ...fields, code, detail, dead: outcome.state === "dead" });
      } else log.debug("job settled", fields);
    });
  }

  async #putOff(delivery: Delivery, delayMs: number): Promise<void> {
    const { sources, hands, log, onRetry } = this.#parts;
    const source = sources[delivery.shard]!;
    const work = hands.stagesOf(delivery)?.work;
    const ours = await this.#persistently(() => source.retry(delivery, delayMs, work));
    if (ours === undefined) return;
    hands.release(delivery, ours ? "put_off" : "late");
    if (!ours) return;
    log.warn("job put off", { ...jobFields(delivery), delayMs });
    onRetry(delivery, delayMs);
  }

  /** Tries until the broker answers; undefined where it did not before the time was over. */
  async #persistently<T>(call: () => Promise<T>): Promise<T | undefined> {
    const { clock, log, giveUp } = this.#parts;
    for (let tries = 1;; tries++) {
      try {
        return await call();
      } catch (error) {
        if (tries === 1) log.warn("outcomes cannot be written yet", { error: String(error) });
        if (giveUp.aborted) return undefined;
        await clock.sleep(RETRY_PAUSE_MS, giveUp);
      }
    }
  }
}
