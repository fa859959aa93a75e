/**
 * A job as clients read it: the schema of its JSON, and the JSON of its record.
 *
 * @module
 */
import { z } from "zod";
import { ERROR_CODES } from "../shared/errors.ts";
import { FINAL_STATES, type JobRecord, LIVE_STATES } from "../shared/job.ts";
import { AnswerSchema, answerView, type Frozen } from "./answer_view.ts";

/** A time as answers carry it: RFC 3339, UTC. */
export const Time = z.string().meta({ format: "date-time" });

const Ms = z.number().nullable();

/** The job's JSON; what is not known yet is null. */
export const JobSchema = z.object({
  id: z.string(),
  model: z.string(),
  version: z.string().nullable().meta({ description: "Of the model, once it has answered" }),
  state: z.enum([...LIVE_STATES, ...FINAL_STATES]),
  createdAt: Time,
  startedAt: Time.nullable().meta({ description: "When a worker began it first" }),
  finishedAt: Time.nullable(),
  attempts: z.int().meta({ description: "How often a worker began it" }),
  images: z.object({ total: z.int(), done: z.int() }),
  result: AnswerSchema.nullable().meta({ description: "If it succeeded" }),
  error: z.object({
    code: z.enum(ERROR_CODES).meta({ description: "As in a problem" }),
    detail: z.string(),
  }).nullable(),
  timings: z.object({
    queueMs: Ms.meta({ description: "From acceptance to the first attempt" }),
    decodeMs: Ms.meta({ description: "Decoding and resizing of all the images" }),
    inferMs: Ms.meta({ description: "The model's run on the batches that held the images" }),
    totalMs: Ms.meta({ description: "From acceptance to the outcome" }),
  }),
}).meta({
  id: "Job",
  description: "One request to run a model on one or more images; what is not known yet is null",
  examples: [{
    id: "0-5f8a3a9e-3c07-4c0e-9d3c-2f1f7c1f6b52",
    model: "shapes",
    version: "1",
    state: "succeeded",
    createdAt: "2026-01-01T12:00:00.000Z",
    startedAt: "2026-01-01T12:00:00.002Z",
    finishedAt: "2026-01-01T12:00:00.020Z",
    attempts: 1,
    images: { total: 1, done: 1 },
    result: { predictions: [{ label: "star", probability: 0.99 }] },
    error: null,
    timings: { queueMs: 2, decodeMs: 4.5, inferMs: 9.2, totalMs: 20 },
  }],
});

export type JobView = Frozen<z.output<typeof JobSchema>>;

/** Makes a job's JSON of its record. */
export function jobView(record: JobRecord): JobView {
  const { id, model, state, attempts, images, results, error, timings } = record;
  return {
    id,
    model,
    version: record.version ?? null,
    state,
    createdAt: time(record.createdAt),
    startedAt: time(record.startedAt),
    finishedAt: time(record.finishedAt),
    attempts,
    images,
    result: state === "succeeded" && results !== undefined ? answerView(results) : null,
    error: error ?? null,
    timings: {
      queueMs: timings.queueMs ?? null,
      decodeMs: timings.decodeMs ?? null,
      inferMs: timings.inferMs ?? null,
      totalMs: timings.totalMs ?? null,
    },
  };
}

/** A time as answers carry it; what is not known yet is null. */
export function time(ms: number): string;
export function time(ms: number | undefined): string | null;
export function time(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
