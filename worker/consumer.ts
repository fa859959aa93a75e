/**
 * The consumer of a shard: reads deliveries, begins them, has them decoded, and hands them to the
 * batcher.
 *
 * Owns the pace at which jobs are taken from the lanes: while the batcher is full, none is begun
 * but of lanes that have less than their share in hand, so that a flood in another does not hold
 * them up.
 * Invariant: every delivery it read is in the worker's hands until `begin` drops it or it is done.
 *
 * @module
 */
import type { Delivery, Finished, JobSource, Lane, Verdict } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Fault } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import { jobFields } from "../shared/traceparent.ts";
import type { Tracing } from "../shared/tracing.ts";
import type { Batcher } from "./batcher.ts";
import type { Decoded } from "./images/decode.ts";
import { tellDropped } from "./dropped.ts";
import type { Hands } from "./hands.ts";
import type { WorkerMetrics } from "./metrics.ts";
import type { ModelTable } from "./model_table.ts";
import { type Begun, PreparedJob } from "./prepared.ts";
import type { Served } from "./served_model.ts";
import type { Settler } from "./settler.ts";
import { laneKey } from "./shares.ts";
import { Stages } from "./stages.ts";
import { Turns } from "./turns.ts";

export interface ConsumerParts {
  readonly source: JobSource;
  /** Consumers that share the batcher, this one included. */
  readonly readers: number;
  readonly batcher: Batcher;
  readonly settler: Settler;
  readonly hands: Hands;
  readonly models: Pick<ModelTable, "take" | "release">;
  /** Decodes one image for a model. */
  readonly decode: (image: Uint8Array, model: Served) => Promise<Decoded>;
  readonly tracing: Tracing;
  readonly metrics: Pick<WorkerMetrics, "attempt">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Pause after the broker could not be reached. */
const BROKER_PAUSE_MS = 500;

export class Consumer {
  readonly #parts: ConsumerParts;
  readonly #preparing = new Set<Promise<void>>();
  readonly #turns: Turns;
  /** What was read and has to wait for room, in the order in which it is to be begun. */
  #unbegun: readonly Delivery[] = [];

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
    this.#turns = new Turns(parts.source.lanes);
  }

  /** Takes jobs until aborted; then finishes preparing what it has begun. */
  async run(signal: AbortSignal): Promise<void> {
    const { batcher, clock, log } = this.#parts;
    let away = false;
    while (!signal.aborted) {
      try {
        if (batcher.free > 0) await this.#takeSome(signal);
        else await this.#takeQuiet(signal);
        if (away) log.info("jobs are taken again");
        away = false;
      } catch (error) {
        if (!away) log.warn("jobs cannot be taken, trying again", { error: String(error) });
        away = true;
        await clock.sleep(BROKER_PAUSE_MS, signal);
      }
    }
    await Promise.all(this.#preparing);
  }

  /** Begins what there is room for; reads only when all of that is begun. */
  async #takeSome(signal: AbortSignal): Promise<void> {
    if (this.#unbegun.length === 0) return await this.#read(signal);
    if (signal.aborted) return;
    const fitting = firstOf(this.#unbegun, this.#parts.batcher.free);
    await this.#begin(fitting);
    this.#unbegun = this.#unbegun.slice(fitting.length);
  }

  /**
   * Reads about as many jobs as there is room for their images. Where they turn out to have far
   * more, as much again as there is room for waits here, and the rest goes back, for others to do.
   */
  async #read(signal: AbortSignal): Promise<void> {
    const { source, readers, batcher, hands, log } = this.#parts;
    const room = Math.max(1, Math.floor(batcher.free / readers));
    const turn = this.#turns.next(room);
    const { lanes, count } = turn;
    const read = await (turn.wait ? source.read(count, signal) : source.readNow(count, lanes));
    this.#turns.note(turn, read);
    const deliveries = this.#takeInHand(read);
    const kept = this.#turns.share(deliveries, 2 * room);
    const rest = deliveries.filter((delivery) => !kept.includes(delivery));
    this.#unbegun = [...kept, ...rest];
    if (rest.length === 0) return;
    const queued = await source.handBack(rest);
    this.#unbegun = kept;
    for (const delivery of rest) hands.release(delivery);
    log.info("jobs handed back", { queued });
  }

  /** Waits for room, and begins at once what comes in lanes that have little in hand. */
  async #takeQuiet(signal: AbortSignal): Promise<void> {
    const { source, batcher } = this.#parts;
    const quiet = this.#quietLanes();
    if (quiet.length === 0 || !source.interruptible) return await batcher.whenFree(signal);
    const came = new AbortController();
    const room = new AbortController();
    const freed = batcher.whenFree(AbortSignal.any([signal, came.signal]))
      .then(() => room.abort());
    try {
      const read = await source.read(1, AbortSignal.any([signal, room.signal]), quiet);
      const deliveries = this.#turns.share(this.#takeInHand(read), Infinity);
      const waiting = this.#unbegun;
      this.#unbegun = [...deliveries, ...waiting];
      await this.#begin(deliveries);
      this.#unbegun = waiting;
    } finally {
      came.abort();
      await freed;
    }
  }

  /** Lanes of which less is in hand than their share of a batch, or nothing. */
  #quietLanes(): Lane[] {
    const { source, batcher, hands } = this.#parts;
    const held = new Map<string, number>();
    for (const delivery of hands.all()) {
      const key = laneKey(delivery);
      held.set(key, (held.get(key) ?? 0) + delivery.images.length);
    }
    const share = Math.max(1, batcher.batchMax / source.lanes.length);
    return source.lanes.filter((lane) => (held.get(laneKey(lane)) ?? 0) < share);
  }

  /** A group that was made again gives out all of its stream once more. */
  #takeInHand(read: readonly Delivery[]): Delivery[] {
    const { hands } = this.#parts;
    const deliveries = read.filter((delivery) => !hands.has(delivery));
    for (const delivery of deliveries) hands.add(delivery);
    return deliveries;
  }

  /** Runs a delivery that was claimed; one that was begun before, to its end. */
  async recover(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const { hands, batcher, clock, log } = this.#parts;
    if (hands.has(delivery)) return;
    hands.add(delivery);
    await batcher.whenFree(signal);
    while (!signal.aborted) {
      try {
        const [verdict] = await this.#begin([delivery]);
        if (verdict?.kind === "run" && verdict.attempt > 1) await hands.released(delivery, signal);
        return;
      } catch (error) {
        const fields = jobFields(delivery);
        log.warn("job cannot be begun, trying again", { ...fields, error: String(error) });
        await clock.sleep(BROKER_PAUSE_MS, signal);
      }
    }
  }

  async #begin(deliveries: readonly Delivery[]): Promise<Verdict[]> {
    if (deliveries.length === 0) return [];
    const { source, hands, clock } = this.#parts;
    const asked = clock.now();
    const verdicts = await source.begin(deliveries);
    const beginMs = clock.now() - asked;
    deliveries.forEach((delivery, i) => {
      hands.begin(delivery);
      this.#dispatch(delivery, verdicts[i]!, beginMs);
    });
    return verdicts;
  }

  #dispatch(delivery: Delivery, verdict: Verdict, beginMs: number): void {
    const { log, hands, settler } = this.#parts;
    const fields = jobFields(delivery);
    switch (verdict.kind) {
      case "run":
        log.debug("job begun", { ...fields, attempt: verdict.attempt });
        return this.#start(delivery, verdict, beginMs);
      case "expired": {
        log.info("job expired before it was run", fields);
        const { tell } = verdict;
        const outcome = { state: "expired", timings: {}, delivery: verdict.delivery } as const;
        return settler.settle([{ delivery, tell, outcome }]);
      }
      case "spent": {
        const { attempts, tell } = verdict;
        const often = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
        const detail = `given up after ${often} that did not end`;
        const error = { code: "job_failed", detail } as const;
        return settler.settle([{ delivery, tell, outcome: { state: "dead", error, attempts } }]);
      }
      case "drop":
        hands.release(delivery);
        return tellDropped(log, verdict.reason, fields);
      case "lost":
        hands.release(delivery);
        return log.warn("job belongs to another worker now", fields);
    }
  }

  /** Decodes beside whatever the model is doing. */
  #start(delivery: Delivery, verdict: Verdict & { kind: "run" }, beginMs: number): void {
    const { batcher, hands, models, settler, tracing, metrics, clock } = this.#parts;
    const { attempt, tell, done = 0, waitedMs } = verdict;
    const model = models.take(delivery);
    if (model === undefined) return settler.settle([unserved(delivery, tell)]);
    const spans = tracing.process(delivery, attempt, waitedMs);
    const observe = metrics.attempt(delivery.model, verdict);
    const onEnd: typeof observe = (how, ms) => {
      models.release(model);
      observe(how, ms);
    };
    const { card: { version } } = model;
    const stages = new Stages({ spans, version, beginMs, onEnd, clock });
    hands.begin(delivery, stages);
    batcher.reserve(delivery.images.length - done);
    const preparing = this.#prepare({ delivery, model, attempt, tell, done, stages })
      .finally(() => this.#preparing.delete(preparing));
    this.#preparing.add(preparing);
  }

  async #prepare(begun: Begun): Promise<void> {
    const { batcher, settler } = this.#parts;
    const decoded = await this.#decode(begun);
    if (decoded === undefined) return;
    const bad = decoded.findIndex((image) => !image.ok);
    if (bad < 0) {
      begun.stages.enter("wait");
      const pixels = decoded.map((image) => (image as Decoded & { ok: true }).pixels);
      return batcher.add(new PreparedJob(begun, pixels));
    }
    begun.stages.enter("reply");
    settler.settle([rejected(begun, bad, decoded[bad] as Fault)]);
    batcher.release(decoded.length);
  }

  /** What is wrong with an image is in its result; a fault of ours buries the job, with a reason. */
  async #decode(begun: Begun): Promise<Decoded[] | undefined> {
    const { batcher, settler, decode, log } = this.#parts;
    const { delivery, model, tell, attempt, done, stages } = begun;
    const images = delivery.images.slice(done);
    try {
      return await Promise.all(images.map((image) => decode(image, model)));
    } catch (fault) {
      log.error("decoding failed", { ...jobFields(delivery), error: String(fault) });
      stages.enter("reply");
      const error = { code: "job_failed", detail: "given up: decoding it failed" } as const;
      settler.settle([{ delivery, tell, outcome: { state: "dead", error, attempts: attempt } }]);
      batcher.release(images.length);
      return undefined;
    }
  }
}

/** The first deliveries that fill the room; the last of them may need more than is left. */
function firstOf(deliveries: readonly Delivery[], room: number): readonly Delivery[] {
  let images = 0;
  const last = deliveries.findIndex((delivery) => (images += delivery.images.length) >= room);
  return last < 0 ? deliveries : deliveries.slice(0, last + 1);
}

/** A job that wants a version which was there when it was taken in. */
function unserved(delivery: Delivery, tell: string): Finished {
  const detail = `no version "${delivery.version}" of model "${delivery.model}" is served any more`;
  const error = { code: "not_found", detail } as const;
  return { delivery, tell, outcome: { state: "failed", error, timings: {} } };
}

/** A job whose image cannot be used: its batch mates are not concerned. */
function rejected(
  { delivery, tell, done, stages: { timings } }: Begun,
  index: number,
  { code, detail }: Fault,
): Finished {
  const count = delivery.images.length;
  const which = count > 1 ? `image ${done + index + 1} of ${count}: ` : "";
  const error = { code, detail: which + detail };
  return { delivery, tell, outcome: { state: "failed", error, timings } };
}
