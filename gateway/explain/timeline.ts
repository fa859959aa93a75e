/**
 * Where a job's time went, stage by stage, as a picture of it would show.
 *
 * Pure. The beginning and the end of an attempt are Redis' clock, what is in between its worker's
 * durations; what is left at its end is the reply, Redis' own slowness included.
 *
 * @module
 */
import type { JobStory } from "../../shared/story.ts";
import type { Attempt } from "./attempts.ts";

/**
 * `queue`: for a worker. `decode`. `wait`: decoded, for the model. `infer`: in the model. `reply`:
 * from the model's answer until the outcome was written. `pause`: put off. `lost`: with a worker
 * that fell silent. `running`: begun, and not known in more detail.
 */
export const STAGES = [
  "queue",
  "decode",
  "wait",
  "infer",
  "reply",
  "pause",
  "lost",
  "running",
] as const;
export type Stage = (typeof STAGES)[number];

/** A part of a job's life, in milliseconds since it was accepted. */
export interface Segment {
  readonly stage: Stage;
  /** Number of the attempt; null outside of any. */
  readonly attempt: number | null;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Lays a job's attempts, and the time between them, out in order. */
export function timelineOf(
  { record, readAt }: Pick<JobStory, "record" | "readAt">,
  attempts: readonly Attempt[],
): Segment[] {
  const end = (record.finishedAt ?? readAt) - record.createdAt;
  const segments: Segment[] = [];
  const add = (stage: Stage, attempt: number | null, from: number, to: number) => {
    const [fromMs, toMs] = [round(Math.min(from, end)), round(Math.min(to, end))];
    if (toMs > fromMs) segments.push({ stage, attempt, fromMs, toMs });
  };
  let free: number | undefined = 0;
  for (const attempt of attempts) {
    const began = attempt.beganAt - record.createdAt;
    if (free !== undefined) add("queue", null, free, began);
    const over = attempt.endedAt === undefined ? end : attempt.endedAt - record.createdAt;
    for (const [stage, from, to] of stagesOf(attempt, began, over)) {
      add(stage, attempt.attempt, from, to);
    }
    const { delayMs = 0 } = attempt;
    add("pause", null, over, over + delayMs);
    free = attempt.end === "put_off" || attempt.end === "handed_back" ? over + delayMs : undefined;
  }
  if (free !== undefined) add("queue", null, free, end);
  return segments;
}

function* stagesOf(
  { work, end }: Attempt,
  began: number,
  over: number,
): Iterable<[stage: Stage, from: number, to: number]> {
  if (work === undefined) return yield [end === "lost" ? "lost" : "running", began, over];
  let from = began;
  for (const stage of ["decode", "wait", "infer"] as const) {
    const to = Math.min(from + (work[`${stage}Ms`] ?? 0), over);
    yield [stage, from, to];
    from = to;
  }
  yield ["reply", from, over];
}

/** How long a job was in each stage, all attempts together. */
export function totalsOf(timeline: readonly Segment[]): Record<Stage, number> {
  const totals = Object.fromEntries(STAGES.map((stage) => [stage, 0])) as Record<Stage, number>;
  for (const { stage, fromMs, toMs } of timeline) {
    totals[stage] = round(totals[stage] + toMs - fromMs);
  }
  return totals;
}

/** The stage that took longest; undefined where no time has passed. */
export function slowestOf(totals: Readonly<Record<Stage, number>>): Stage | undefined {
  const slowest = STAGES.reduce((a, b) => totals[b] > totals[a] ? b : a);
  return totals[slowest] > 0 ? slowest : undefined;
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
