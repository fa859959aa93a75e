/**
 * The closed list of what can go wrong as a client sees it.
 *
 * Owns the codes and the value that carries one. Never knows HTTP: the gateway's problem table
 * gives each code its status. Invariant: a code, once published, keeps its meaning.
 *
 * @module
 */

/** Every error code, in the order of the HTTP statuses they map to. */
export const ERROR_CODES = [
  "invalid_request",
  "unauthorized",
  "forbidden",
  "not_found",
  "method_not_allowed",
  "request_timeout",
  "job_finished",
  "payload_too_large",
  "unsupported_media_type",
  "undecodable_image",
  "idempotency_mismatch",
  "rate_limited",
  "job_failed",
  "internal_error",
  "at_capacity",
  "busy",
  "deadline_exceeded",
] as const;

/** Stable code of an error. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Why something was refused or failed, fit for a client's eyes: no internals, no paths. */
export interface Fault {
  readonly code: ErrorCode;
  /** One sentence without a full stop. */
  readonly detail: string;
}
