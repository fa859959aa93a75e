/**
 * What a client may say beside its images: query and header values, checked.
 *
 * @module
 */
import { z } from "zod";
import type { Fault } from "../shared/errors.ts";

/** Most predictions that a request may ask for. */
export const TOP_MAX = 100;

/** Longest deadline a client may set: a day. */
export const TIMEOUT_MAX_MS = 86_400_000;

const Query = z.strictObject({
  model: z.string().min(1).optional(),
  top: z.string().regex(/^\d{1,3}$/, "is no whole number").transform(Number)
    .pipe(
      z.number().min(1, `is not from 1 to ${TOP_MAX}`).max(TOP_MAX, `is not from 1 to ${TOP_MAX}`),
    )
    .optional(),
});

const TimeoutMs = z.string().regex(/^\d{1,9}$/, "is no whole number").transform(Number)
  .pipe(z.number().min(1, "is below 1").max(TIMEOUT_MAX_MS, `is above ${TIMEOUT_MAX_MS}`));

/** Visible ASCII and spaces, as a header may carry it. */
const IdempotencyKey = z.string().min(1, "is empty").max(255, "is longer than 255 characters");

const WAIT = /^wait=(\d{1,6})$/i;
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

/** Parameters of a request that submits a job. */
export interface SubmitParameters {
  readonly model: string | undefined;
  readonly top: number | undefined;
  /** The client's deadline in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** `Prefer: wait=SECONDS`, in milliseconds. */
  readonly waitMs: number | undefined;
  readonly traceparent: string | undefined;
  readonly idempotencyKey: string | undefined;
}

/** Reads a submitting request's parameters. */
export function submitParameters(
  request: Request,
): { readonly ok: true; readonly parameters: SubmitParameters } | ({ readonly ok: false } & Fault) {
  const query = Query.safeParse(Object.fromEntries(new URL(request.url).searchParams));
  if (!query.success) {
    const { path, message, code } = query.error.issues[0]!;
    return invalid(
      code === "unrecognized_keys" ? message : `parameter "${String(path[0])}" ${message}`,
    );
  }
  const header = request.headers.get("x-request-timeout-ms");
  const timeout = TimeoutMs.optional().safeParse(header ?? undefined);
  if (!timeout.success) {
    return invalid(`header "X-Request-Timeout-Ms" ${timeout.error.issues[0]!.message}`);
  }
  const key = IdempotencyKey.optional().safeParse(
    request.headers.get("idempotency-key") ?? undefined,
  );
  if (!key.success) return invalid(`header "Idempotency-Key" ${key.error.issues[0]!.message}`);
  const traceparent = request.headers.get("traceparent") ?? "";
  return {
    ok: true,
    parameters: {
      model: query.data.model,
      top: query.data.top,
      timeoutMs: timeout.data,
      waitMs: waitMs(request),
      traceparent: TRACEPARENT.test(traceparent) ? traceparent : undefined,
      idempotencyKey: key.data,
    },
  };
}

/** `wait` of the `Prefer` header (RFC 7240) in milliseconds; other preferences are ignored. */
export function waitMs(request: Request): number | undefined {
  for (const preference of (request.headers.get("prefer") ?? "").split(/[,;]/)) {
    const seconds = WAIT.exec(preference.trim())?.[1];
    if (seconds !== undefined) return Math.min(Number(seconds) * 1000, TIMEOUT_MAX_MS);
  }
  return undefined;
}

function invalid(detail: string): { ok: false } & Fault {
  return { ok: false, code: "invalid_request", detail };
}
