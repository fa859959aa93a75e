/**
 * What a client may say beside its images: schemas of query, header and path parameters.
 *
 * Each takes the text that was sent, and documents the value that is meant.
 *
 * @module
 */
import { z } from "zod";
// For its members of `meta`.
import type {} from "zod-openapi";
import { type JobId, parseJobId, TIMEOUT_MAX_MS } from "../shared/job.ts";
import { TOP_MAX } from "../shared/model_card.ts";
import { parseTraceparent } from "../shared/traceparent.ts";

/** Dead letters that one answer lists at most. */
const DEAD_LIMIT_MAX = 1000;

const WAIT = /^wait=(\d{1,6})$/i;

/** Whole numbers from 1 on. */
export function numberTo(max: number): z.ZodType<number, string> {
  const bounds = `is not from 1 to ${max}`;
  return z.string().refine((text) => /^\d{1,9}$/.test(text), "is not a whole number")
    .transform(Number).pipe(z.number().min(1, bounds).max(max, bounds))
    .meta({ override: { type: "integer", minimum: 1, maximum: max } });
}

/** Path or query: the name of a model. */
export const ModelName = z.string().min(1, "is empty").meta({ description: "Name of a model" });

/** Query: how many predictions an image is to have. */
const Top = numberTo(TOP_MAX).meta({
  description: "The most predictions for each image; by default as many as the model is set to",
});

/** Query: how many dead letters to list. */
export const DeadLimit = numberTo(DEAD_LIMIT_MAX).meta({ description: "The most letters to list" });

/** `X-Request-Timeout-Ms`. */
export const TimeoutMs = numberTo(TIMEOUT_MAX_MS).meta({
  description: "The job's deadline in milliseconds from now: a job that is late is not run",
});

/** `Idempotency-Key`: visible ASCII and spaces, as a header may carry them. */
const IdempotencyKey = z.string().min(1, "is empty")
  .max(255, "is longer than 255 characters")
  .meta({
    description:
      "The same key with the same request gives the same job, even after it has finished; with another request it is refused",
  });

/** `traceparent` (W3C Trace Context); what has not its form is ignored. */
const Traceparent = z.string().optional()
  .transform((text) => parseTraceparent(text) === undefined ? undefined : text)
  .meta({ description: "W3C Trace Context: the trace that the job is to be part of" });

/** `Prefer: wait=SECONDS` (RFC 7240), in milliseconds; other preferences are ignored. */
export const Prefer = z.string().optional().transform(waitMs).meta({
  description: "`wait=SECONDS` (RFC 7240): how long to wait for the job's outcome",
  example: "wait=10",
});

/** `Last-Event-ID` (WHATWG HTML): where to go on. */
export const LastEventId = z.string().optional()
  .refine((text) => text === undefined || /^\d{1,9}$/.test(text), "is not an event's id")
  .transform((text) => text === undefined ? undefined : Number(text))
  .meta({ description: "Id of the last event that was received: those after it are sent" });

/** Path: a job's id. */
export const JobIdText = idOf("job");

/** Path: the id of a dead letter, which was its job's. */
export const LetterIdText = idOf("dead letter");

function idOf(what: string): z.ZodType<JobId, string> {
  return z.string().refine((text) => parseJobId(text) !== undefined, `no such ${what}`)
    .transform((text) => text as JobId)
    .meta({ description: `Id of a ${what}` });
}

/** What a client that submits a job may say of it in the query. */
export const SUBMIT_QUERY = {
  model: ModelName.meta({ description: "Name of a model; by default the default model" })
    .optional(),
  top: Top.optional(),
};

/** What a client that submits a job may say of it in headers. */
export const SUBMIT_HEADERS = {
  "X-Request-Timeout-Ms": TimeoutMs.optional(),
  "Idempotency-Key": IdempotencyKey.optional(),
  traceparent: Traceparent,
};

/** What is known of a job to be submitted, besides its images. */
export interface SubmitParameters {
  readonly model: string | undefined;
  /** The version that is to answer. */
  readonly version?: string | undefined;
  readonly top: number | undefined;
  /** The client's deadline in milliseconds. */
  readonly timeoutMs: number | undefined;
  readonly traceparent: string | undefined;
  readonly idempotencyKey: string | undefined;
}

/** Gathers what a submitting request's query and headers say. */
export function submitParameters({ query, headers }: {
  readonly query: z.output<z.ZodObject<typeof SUBMIT_QUERY>>;
  readonly headers: z.output<z.ZodObject<typeof SUBMIT_HEADERS>>;
}): SubmitParameters {
  return {
    model: query.model,
    top: query.top,
    timeoutMs: headers["X-Request-Timeout-Ms"],
    traceparent: headers.traceparent,
    idempotencyKey: headers["Idempotency-Key"],
  };
}

function waitMs(prefer = ""): number | undefined {
  for (const preference of prefer.split(/[,;]/)) {
    const seconds = WAIT.exec(preference.trim())?.[1];
    if (seconds !== undefined) return Math.min(Number(seconds) * 1000, TIMEOUT_MAX_MS);
  }
  return undefined;
}
