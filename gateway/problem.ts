/**
 * Faults as problem details (RFC 9457): the one place where a code becomes a status.
 *
 * @module
 */
import { z } from "zod";
import { ERROR_CODES, type ErrorCode, type Fault } from "../shared/errors.ts";

/** Status and title of every code, and its detail where there is no closer one. */
export const PROBLEMS = {
  invalid_request: {
    status: 400,
    title: "Invalid request",
    detail: "the request is malformed, or one of its parameters is wrong",
  },
  unauthorized: {
    status: 401,
    title: "Unauthorized",
    detail: "a known API key is needed, and none was sent",
  },
  forbidden: { status: 403, title: "Forbidden", detail: "the API key may not do this" },
  not_found: { status: 404, title: "Not found", detail: "what was asked for does not exist" },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    detail: "this path does not serve this method",
  },
  request_timeout: { status: 408, title: "Request timeout", detail: "the body arrived too slowly" },
  job_finished: { status: 409, title: "Job finished", detail: "the job has already finished" },
  payload_too_large: {
    status: 413,
    title: "Payload too large",
    detail: "the body has too many bytes, or an image too many pixels",
  },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    detail: "the image is not JPEG, PNG, WebP, GIF or AVIF",
  },
  undecodable_image: {
    status: 422,
    title: "Undecodable image",
    detail: "the image is damaged",
  },
  idempotency_mismatch: {
    status: 422,
    title: "Idempotency mismatch",
    detail: "the Idempotency-Key was already used for another request",
  },
  rate_limited: { status: 429, title: "Rate limited", detail: "the API key's quota is used up" },
  job_failed: { status: 500, title: "Job failed", detail: "the job was given up" },
  internal_error: {
    status: 500,
    title: "Internal error",
    detail: "the fault is the server's, and was logged",
  },
  at_capacity: {
    status: 503,
    title: "At capacity",
    detail: "Service is currently at capacity, please try again later",
  },
  busy: { status: 503, title: "Busy", detail: "Server busy, please retry your request" },
  deadline_exceeded: {
    status: 504,
    title: "Deadline exceeded",
    detail: "the job's deadline passed before it was done",
  },
} as const satisfies Record<ErrorCode, { status: number; title: string; detail: string }>;

/** The media type of problems. */
export const PROBLEM_TYPE = "application/problem+json";

/** A problem's JSON; `success` is for clients of `/predict`. */
export const ProblemSchema = z.object({
  type: z.literal("about:blank"),
  title: z.string().meta({ description: "The code in words" }),
  status: z.int().meta({ description: "The HTTP status" }),
  code: z.enum(ERROR_CODES).meta({ description: "What went wrong, for programs: it is stable" }),
  detail: z.string().meta({ description: "What went wrong, for people" }),
  success: z.literal(false),
  error: z.string().optional().meta({
    description: "The detail once more: under `/v2`, where clients look for it",
  }),
}).meta({ id: "Problem", description: "Why there is no other answer (RFC 9457)" });

/** Makes a fault; without a closer detail, with that of the table. */
export function fault(code: ErrorCode, detail: string = PROBLEMS[code].detail): Fault {
  return { code, detail };
}

/** A fault that may be over by itself. */
export interface Refusal extends Fault {
  /** Time after which it is worth another try. */
  readonly retryAfterMs?: number;
}

/** The two refusals that are not the client's fault. */
export const AT_CAPACITY = fault("at_capacity");
export const BUSY = fault("busy");

/** Longest time that a client is told to wait: by then, more is known. */
const RETRY_AFTER_MAX_MS = 60_000;

/**
 * The refusal where the queue is too long.
 *
 * @param waitMs time that what is queued will take, where that is known
 */
export function atCapacity(waitMs: number | undefined): Refusal {
  if (waitMs === undefined) return AT_CAPACITY;
  // The nearest second: an estimate is as often too long as too short.
  const retryAfterMs = Math.min(1000 * Math.round(waitMs / 1000), RETRY_AFTER_MAX_MS);
  return { ...AT_CAPACITY, retryAfterMs };
}

/** What any request that asks Redis may be answered. */
export const REDIS_PROBLEMS = ["at_capacity", "busy"] as const;

/** Why there is no answer where there is no such job, model or letter, or it is another key's. */
export function noSuch(what: string): Fault {
  return fault("not_found", `no such ${what}`);
}

/** Time after which a refused client may try again, where nothing better is known. */
const RETRY_AFTER_MS = 1000;

/** Whether such an answer says when to try again. */
export function isRetryable(status: number): boolean {
  return status === 429 || status === 503;
}

/** Seconds after which to try again, where that is said at all. */
export function retryAfterSeconds(
  { code, retryAfterMs = RETRY_AFTER_MS }: Refusal,
): number | undefined {
  return isRetryable(PROBLEMS[code].status)
    ? Math.max(1, Math.ceil(retryAfterMs / 1000))
    : undefined;
}

/** A fault as a response. */
export function problemResponse(
  refusal: Refusal,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { code, detail } = refusal;
  const retryAfter = retryAfterSeconds(refusal);
  return Response.json(problemOf({ code, detail }), {
    status: PROBLEMS[code].status,
    headers: {
      "content-type": PROBLEM_TYPE,
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
      ...headers,
    },
  });
}

/** A fault as its JSON. */
export function problemOf({ code, detail }: Fault): z.output<typeof ProblemSchema> {
  const { status, title } = PROBLEMS[code];
  return { type: "about:blank", title, status, code, detail, success: false };
}
