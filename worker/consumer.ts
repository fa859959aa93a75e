/**
 * The consumer: reads deliveries, begins them, has them decoded and hands them to the batcher.
 *
 * Owns the pace at which jobs are taken from the stream: never more than the batcher holds.
 * Invariant: every delivery it read is in the worker's hands until `begin` drops it or it is done.
 *
 * @module
 */
import type { Delivery, Finished, JobSource, Verdict } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Fault } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import type { Batcher } from "./batcher.ts";
import type { Decoded } from "./images/decode.ts";
import type { Hands } from "./hands.ts";
import { type Begun, PreparedJob, round } from "./prepared.ts";
import type { Settler } from "./settler.ts";

export interface ConsumerParts {
  readonly source: JobSource;
  readonly batcher: Batcher;
  readonly settler: Settler;
  readonly hands: Hands;
  /** Decodes one image for a model. */
  readonly decode: (image: Uint8Array, model: string) => Promise<Decoded>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Pause after the broker could not be reached. */
const BROKER_PAUSE_MS = 500;

export class Consumer {
  readonly #parts: ConsumerParts;
  readonly #preparing = new Set<Promise<void>>();

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
  }

  /** Takes jobs until aborted; then finishes preparing what it has begun. */
  async run(signal: AbortSignal): Promise<void> {
    const { batcher, clock, log } = this.#parts;
    let away = false;
    while (!signal.aborted) {
      await batcher.whenFree(signal);
      try {
        await this.#takeSome(signal);
        if (away) log.info("jobs are read again");
        away = false;
      } catch (error) {
        if (!away) log.warn("jobs cannot be read, trying again", { error: String(error) });
        away = true;
        await clock.sleep(BROKER_PAUSE_MS, signal);
      }
    }
    await Promise.all(this.#preparing);
  }

  async #takeSome(signal: AbortSignal): Promise<void> {
    const { source, batcher, hands } = this.#parts;
    const deliveries = await source.read(Math.max(1, batcher.free), signal);
    for (const delivery of deliveries) hands.add(delivery);
    if (deliveries.length > 0) await this.#beginPersistently(deliveries, signal);
  }

  /**
   * What was read is ours: while Redis is away it has to wait, or nobody would run it for long.
   *
   * @returns nothing where it was aborted before; what was read is left in the worker's hands
   */
  async #beginPersistently(
    deliveries: readonly Delivery[],
    signal: AbortSignal,
  ): Promise<readonly Verdict[]> {
    const { clock, log } = this.#parts;
    while (!signal.aborted) {
      try {
        return await this.#begin(deliveries);
      } catch (error) {
        log.warn("jobs cannot be begun, trying again", { error: String(error) });
        await clock.sleep(BROKER_PAUSE_MS, signal);
      }
    }
    return [];
  }

  /** Runs a delivery that was claimed; one that was begun before, to its end. */
  async recover(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const { hands, batcher } = this.#parts;
    if (hands.has(delivery)) return;
    hands.add(delivery);
    await batcher.whenFree(signal);
    const [verdict] = await this.#beginPersistently([delivery], signal);
    if (verdict?.kind === "run" && verdict.attempt > 1) await hands.released(delivery, signal);
  }

  async #begin(deliveries: readonly Delivery[]): Promise<Verdict[]> {
    const verdicts = await this.#parts.source.begin(deliveries);
    deliveries.forEach((delivery, i) => {
      this.#parts.hands.begin(delivery);
      this.#dispatch(delivery, verdicts[i]!);
    });
    return verdicts;
  }

  #dispatch(delivery: Delivery, verdict: Verdict): void {
    const { log, hands, settler } = this.#parts;
    const fields = { job: delivery.id, model: delivery.model };
    switch (verdict.kind) {
      case "run": {
        const { attempt, tell } = verdict;
        log.debug("job begun", { ...fields, attempt });
        return this.#start({ delivery, attempt, tell });
      }
      case "expired": {
        log.info("job expired before it was run", fields);
        const outcome = { state: "expired", timings: {} } as const;
        return settler.settle([{ delivery, tell: verdict.tell, outcome }]);
      }
      case "spent": {
        const { attempts, tell } = verdict;
        const detail = `given up after ${attempts} attempts that did not end`;
        const error = { code: "job_failed", detail } as const;
        return settler.settle([{ delivery, tell, outcome: { state: "dead", error, attempts } }]);
      }
      case "drop":
        hands.release(delivery);
        return log.info("job dropped", { ...fields, reason: verdict.reason });
      case "lost":
        hands.release(delivery);
        return log.warn("job belongs to another worker now", fields);
    }
  }

  /** Decodes beside whatever the model is doing. */
  #start(begun: Begun): void {
    this.#parts.batcher.reserve(begun.delivery.images.length);
    const preparing = this.#prepare(begun)
      .finally(() => this.#preparing.delete(preparing));
    this.#preparing.add(preparing);
  }

  async #prepare(begun: Begun): Promise<void> {
    const { delivery, tell } = begun;
    const { batcher, settler, decode, clock } = this.#parts;
    const began = clock.now();
    const decoded = await Promise.all(
      delivery.images.map((image) => decode(image, delivery.model)),
    );
    const decodeMs = clock.now() - began;
    const bad = decoded.findIndex((image) => !image.ok);
    if (bad < 0) {
      const pixels = decoded.map((image) => (image as Decoded & { ok: true }).pixels);
      return batcher.add(new PreparedJob(begun, pixels, decodeMs));
    }
    settler.settle([rejected(delivery, tell, bad, decoded[bad] as Fault, decodeMs)]);
    batcher.release(delivery.images.length);
  }
}

/** A job whose image cannot be used: its batch mates are not concerned. */
function rejected(
  delivery: Delivery,
  tell: string,
  index: number,
  { code, detail }: Fault,
  decodeMs: number,
): Finished {
  const count = delivery.images.length;
  const which = count > 1 ? `image ${index + 1} of ${count}: ` : "";
  const error = { code, detail: which + detail };
  return {
    delivery,
    tell,
    outcome: { state: "failed", error, timings: { decodeMs: round(decodeMs) } },
  };
}
