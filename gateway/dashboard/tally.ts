/**
 * What happened to jobs in some time: what came, how it ended, where the time went.
 *
 * Owns the counts. Never asks Redis: outcomes come to the gateway anyway, with their timings.
 *
 * @module
 */
import type { JobRecord, Timings } from "../../shared/job.ts";
import { isFinal } from "../../shared/job.ts";
import { Distribution } from "./distribution.ts";
import { type FinishedCounts, type Seen, type Stage, STAGES } from "./sample.ts";

export class Tally {
  submitted = 0;
  readonly finished: FinishedCounts = {};
  images = 0;
  batches = 0;
  readonly stages: ReadonlyMap<Stage, Distribution> = new Map(
    STAGES.map((stage) => [stage, new Distribution()]),
  );

  /** Whether nothing happened. */
  get isEmpty(): boolean {
    return this.submitted === 0 && Object.keys(this.finished).length === 0;
  }

  /** How many jobs ended, however they did. */
  get done(): number {
    return Object.values(this.finished).reduce((sum, count) => sum + count, 0);
  }

  /** Images in a batch, on average; null where none was answered. */
  get batchImages(): number | null {
    return this.batches === 0 ? null : this.images / this.batches;
  }

  /** Notes an outcome. */
  end({ state, images, timings, attempts }: JobRecord): void {
    if (!isFinal(state)) return;
    this.finished[state] = (this.finished[state] ?? 0) + 1;
    if (state !== "succeeded") return;
    this.images += images.total;
    this.batches += images.total / (timings.batchImages ?? 1);
    for (const [stage, ms] of stagesOf(timings, attempts)) this.stages.get(stage)!.add(ms);
  }

  /** Adds what was seen elsewhere, or at another time. */
  merge({ submitted, finished, images, batches, stages }: Seen): void {
    this.submitted += submitted;
    for (const [state, count] of Object.entries(finished) as [keyof FinishedCounts, number][]) {
      this.finished[state] = (this.finished[state] ?? 0) + count;
    }
    this.images += images;
    this.batches += batches;
    for (const stage of STAGES) {
      const times = stages[stage];
      if (times !== undefined) this.stages.get(stage)!.merge(times);
    }
  }

  /** As it is kept. */
  toSample(): Seen {
    const { submitted, finished, images, batches, stages } = this;
    const seen = [...stages].filter(([, times]) => times.count > 0);
    const kept = seen.map(([stage, times]) => [stage, times.toJSON()] as const);
    return { submitted, finished, images, batches, stages: Object.fromEntries(kept) };
  }
}

/**
 * How long a finished job was in each stage, as far as that is known: of the time of several
 * attempts the reply cannot be told apart from what was lost with the first ones.
 */
function stagesOf(timings: Timings, attempts: number): [Stage, number][] {
  const { queueMs = 0, decodeMs = 0, waitMs = 0, inferMs = 0, totalMs = 0 } = timings;
  const replyMs = totalMs - queueMs - decodeMs - waitMs - inferMs;
  return [
    ["queue", queueMs],
    ["decode", decodeMs],
    ["wait", waitMs],
    ["infer", inferMs],
    ...(attempts > 1 ? [] : [["reply", Math.max(0, replyMs)] satisfies [Stage, number]]),
    ["total", totalMs],
  ];
}
