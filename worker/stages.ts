/**
 * What an attempt goes through in this worker, stage after stage: decode, wait, infer, reply.
 *
 * Owns the times that the job's record, its story and its trace tell: they are taken once.
 * Invariant: an attempt is in one stage at a time.
 *
 * @module
 */
import type { Settled } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Timings } from "../shared/job.ts";
import { BATCHES_TOLD_MAX, type BatchRun, type Work } from "../shared/story.ts";
import type { AttemptSpans } from "../shared/tracing.ts";

/** `wait` is for the model, with the images decoded; `reply` is until the outcome is written. */
export type Stage = "decode" | "wait" | "infer" | "reply";

/** How an attempt left the worker's hands. */
export type AttemptEnd = Settled | "put_off" | "handed_back";

export interface StagesParts {
  readonly spans: AttemptSpans;
  /** Of the model. */
  readonly version: string;
  /** How long Redis took to say that the attempt is begun. */
  readonly beginMs: number;
  /** Told once how the attempt ended, and the time that each stage took. */
  readonly onEnd?: (how: AttemptEnd, ms: ReadonlyMap<Stage, number>) => void;
  readonly clock: Pick<Clock, "now">;
}

export class Stages {
  readonly spans: AttemptSpans;
  readonly #clock: Pick<Clock, "now">;
  readonly #version: string;
  readonly #beginMs: number;
  readonly #onEnd: StagesParts["onEnd"];
  readonly #ms = new Map<Stage, number>();
  readonly #batches: BatchRun[] = [];
  #modelMs = 0;
  /** The job's images that were in batches, and its share of those: 1 of a batch of its own. */
  #ran = { images: 0, batches: 0 };
  #stage: Stage;
  #since: number;

  /** The attempt is in its first stage from the beginning. */
  constructor({ spans, version, beginMs, onEnd, clock }: StagesParts) {
    this.spans = spans;
    this.#onEnd = onEnd;
    this.#version = version;
    this.#beginMs = beginMs;
    this.#clock = clock;
    this.#stage = "decode";
    this.#since = clock.now();
    spans.enter("decode");
  }

  /** Goes on to a stage, unless it is in it. */
  enter(stage: Stage): void {
    if (stage === this.#stage) return;
    this.#ms.set(this.#stage, this.#msOf(this.#stage));
    this.#stage = stage;
    this.#since = this.#clock.now();
    this.spans.enter(stage);
  }

  /** Notes a run of the model, and how many of its images were the job's. */
  ran(batch: BatchRun, own: number): void {
    this.#modelMs += batch.ms;
    this.#ran.images += own;
    this.#ran.batches += own / batch.images;
    if (this.#batches.length < BATCHES_TOLD_MAX) {
      this.#batches.push({ ...batch, ms: round(batch.ms) });
    }
  }

  /** As the record has them. */
  get timings(): Timings {
    const decodeMs = round(this.#msOf("decode"));
    const { images, batches } = this.#ran;
    if (batches === 0) return { decodeMs };
    // Between its batches the job waits as well.
    const waitMs = this.#msOf("wait") + this.#msOf("infer") - this.#modelMs;
    return {
      decodeMs,
      waitMs: round(Math.max(0, waitMs)),
      inferMs: round(this.#modelMs),
      batchImages: round(images / batches),
    };
  }

  /** As the story has it. */
  get work(): Work {
    const ms = (stage: Stage) => {
      const reached = this.#ms.has(stage) || this.#stage === stage;
      return reached && { [`${stage}Ms`]: round(this.#msOf(stage)) };
    };
    return {
      version: this.#version,
      beginMs: round(this.#beginMs),
      ...ms("decode"),
      ...ms("wait"),
      ...ms("infer"),
      batches: this.#batches,
    };
  }

  /** The attempt is out of the worker's hands. */
  end(how: AttemptEnd): void {
    this.#ms.set(this.#stage, this.#msOf(this.#stage));
    this.#since = this.#clock.now();
    this.spans.end(how);
    this.#onEnd?.(how, this.#ms);
  }

  #msOf(stage: Stage): number {
    const before = this.#ms.get(stage) ?? 0;
    return stage === this.#stage ? before + this.#clock.now() - this.#since : before;
  }
}

/** A measured number with a precision that means something. */
export function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
