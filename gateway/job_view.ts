/**
 * A job as clients read it.
 *
 * @module
 */
import type { Fault } from "../shared/errors.ts";
import type { ImageAnswer, JobRecord, Timings } from "../shared/job.ts";

/** The job's JSON. Times are RFC 3339, UTC; what is not known yet is null. */
export interface JobView {
  readonly id: string;
  readonly model: string;
  readonly state: string;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly attempts: number;
  readonly images: { readonly total: number; readonly done: number };
  readonly result: AnswerView | null;
  readonly error: Fault | null;
  readonly timings: { readonly [K in keyof Required<Timings>]: number | null };
}

/** Predictions of the first image; with several images, those of all in order besides. */
export interface AnswerView {
  readonly predictions: ImageAnswer["predictions"];
  readonly results?: readonly ImageAnswer[];
}

/** Makes a job's JSON of its record. */
export function jobView(record: JobRecord): JobView {
  const { id, model, state, attempts, images, results, error, timings } = record;
  return {
    id,
    model,
    state,
    createdAt: time(record.createdAt)!,
    startedAt: time(record.startedAt),
    finishedAt: time(record.finishedAt),
    attempts,
    images,
    result: results === undefined ? null : answerView(results),
    error: error ?? null,
    timings: {
      queueMs: timings.queueMs ?? null,
      decodeMs: timings.decodeMs ?? null,
      inferMs: timings.inferMs ?? null,
      totalMs: timings.totalMs ?? null,
    },
  };
}

/** Makes the answer that `/predict` and a finished job share. */
export function answerView(results: readonly ImageAnswer[]): AnswerView {
  const predictions = results[0]?.predictions ?? [];
  return results.length > 1 ? { predictions, results } : { predictions };
}

function time(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
