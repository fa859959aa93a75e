/**
 * Faults as problem details (RFC 9457): the one place where a code becomes a status.
 *
 * @module
 */
import type { ErrorCode, Fault } from "../shared/errors.ts";

/** Status and title of every code. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: "Invalid request" },
  unauthorized: { status: 401, title: "Unauthorized" },
  forbidden: { status: 403, title: "Forbidden" },
  not_found: { status: 404, title: "Not found" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  request_timeout: { status: 408, title: "Request timeout" },
  job_finished: { status: 409, title: "Job finished" },
  payload_too_large: { status: 413, title: "Payload too large" },
  unsupported_media_type: { status: 415, title: "Unsupported media type" },
  undecodable_image: { status: 422, title: "Undecodable image" },
  idempotency_mismatch: { status: 422, title: "Idempotency mismatch" },
  rate_limited: { status: 429, title: "Rate limited" },
  job_failed: { status: 500, title: "Job failed" },
  internal_error: { status: 500, title: "Internal error" },
  at_capacity: { status: 503, title: "At capacity" },
  busy: { status: 503, title: "Busy" },
  deadline_exceeded: { status: 504, title: "Deadline exceeded" },
} as const satisfies Record<ErrorCode, { status: number; title: string }>;

/** The two refusals that are not the client's fault, in the words of the contract. */
export const AT_CAPACITY: Fault = {
  code: "at_capacity",
  detail: "Service is currently at capacity, please try again later",
};
export const BUSY: Fault = { code: "busy", detail: "Server busy, please retry your request" };

/** The answer where there is no such job, model or letter. */
export function noSuch(what: string): Response {
  return problemResponse({ code: "not_found", detail: `no such ${what}` });
}

/** Seconds after which a refused client may try again. */
const RETRY_AFTER_S = 1;

/** A fault as a response; `success` is for clients of `/predict`. */
export function problemResponse(
  { code, detail }: Fault,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { status, title } = PROBLEMS[code];
  const body = { type: "about:blank", title, status, code, detail, success: false };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...((status === 429 || status === 503) && { "retry-after": String(RETRY_AFTER_S) }),
      ...headers,
    },
  });
}
