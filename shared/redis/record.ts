/**
 * A job's record as a Redis hash: names of the fields, and the way back.
 *
 * @module
 */
import { z } from "zod";
import { ERROR_CODES } from "../errors.ts";
import {
  FINAL_STATES,
  type JobId,
  type JobRecord,
  LIVE_STATES,
  type NewJob,
  type Timings,
} from "../job.ts";
import { parseAnswers } from "./answer.ts";

const ErrorField = z.object({ code: z.enum(ERROR_CODES), detail: z.string() });

/** The hash, every value a text as Redis has it. */
const RecordFields = z.object({
  state: z.enum([...LIVE_STATES, ...FINAL_STATES]),
  owner: z.string().default(""),
  model: z.string(),
  version: z.string().optional(),
  created: z.coerce.number(),
  deadline: z.coerce.number(),
  now: z.coerce.number().optional(),
  started: z.coerce.number().optional(),
  finished: z.coerce.number().optional(),
  attempts: z.coerce.number().default(0),
  total: z.coerce.number(),
  done: z.coerce.number().default(0),
  results: z.string().optional(),
  error: z.string().optional(),
  queueMs: z.coerce.number().optional(),
  decodeMs: z.coerce.number().optional(),
  waitMs: z.coerce.number().optional(),
  inferMs: z.coerce.number().optional(),
  batchImages: z.coerce.number().optional(),
  totalMs: z.coerce.number().optional(),
  traceparent: z.string().optional(),
});

/** Fields of a new job's record, besides those that the submit script computes. */
export function newRecord(
  { owner, model, traceparent, replayOf }: Omit<NewJob, "images">,
  { images, bytes }: { readonly images: number; readonly bytes: number },
  tell: string,
): string[] {
  const fields = ["model", model, "total", String(images), "bytes", String(bytes), "tell", tell];
  if (owner !== "") fields.push("owner", owner);
  if (traceparent !== undefined) fields.push("traceparent", traceparent);
  if (replayOf !== undefined) fields.push("replayOf", replayOf);
  return fields;
}

/** Reads a record; undefined where the hash is empty. */
export function parseRecord(
  id: JobId,
  fields: Readonly<Record<string, string>>,
): JobRecord | undefined {
  if (fields.state === undefined) return undefined;
  const read = RecordFields.parse(fields);
  const { created, deadline, version, started, finished, results, error, traceparent } = read;
  return {
    id,
    owner: read.owner,
    model: read.model,
    ...(version !== undefined && { version }),
    state: read.state,
    createdAt: created,
    deadlineAt: deadline,
    ...(read.now !== undefined && { readAt: read.now }),
    ...(started !== undefined && { startedAt: started }),
    ...(finished !== undefined && { finishedAt: finished }),
    attempts: read.attempts,
    images: { total: read.total, done: read.done },
    ...(results !== undefined && { results: parseAnswers(results) }),
    ...(traceparent !== undefined && { traceparent }),
    ...(error !== undefined && { error: ErrorField.parse(JSON.parse(error)) }),
    timings: defined({
      queueMs: read.queueMs,
      decodeMs: read.decodeMs,
      waitMs: read.waitMs,
      inferMs: read.inferMs,
      batchImages: read.batchImages,
      totalMs: read.totalMs,
    }),
  };
}

/** Leaves out what is undefined. */
function defined(timings: { [K in keyof Timings]: Timings[K] | undefined }): Timings {
  return Object.fromEntries(Object.entries(timings).filter(([, ms]) => ms !== undefined));
}

/** Makes an object of a flat list of names and values. */
export function fieldsOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i]!] = flat[i + 1]!;
  return fields;
}

/** Takes apart what lies one after the other in a flat list of names and values, each from `id` on. */
export function eventsOf(flat: readonly string[]): Record<string, string>[] {
  const begins = flat.flatMap((name, i) => i % 2 === 0 && name === "id" ? [i] : []);
  return begins.map((begin, n) => fieldsOf(flat.slice(begin, begins[n + 1])));
}
