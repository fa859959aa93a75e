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

/** Dead letters that one answer lists at most, and where the client says nothing. */
export const DEAD_LIMIT_MAX = 1000;
const DEAD_LIMIT = 100;

const ModelName = z.string().min(1, "is empty");

/** A number from 1 on, as a query has it. */
function numberTo(max: number): z.ZodType<number> {
  const bounds = `is not from 1 to ${max}`;
  return z.string().regex(/^\d{1,9}$/, "is no whole number").transform(Number)
    .pipe(z.number().min(1, bounds).max(max, bounds));
}

const SubmitQuery = z.strictObject({
  model: ModelName.optional(),
  top: numberTo(TOP_MAX).optional(),
});

const DeadQuery = z.strictObject({
  model: ModelName.optional(),
  limit: numberTo(DEAD_LIMIT_MAX).default(DEAD_LIMIT),
});

const TimeoutMs = z.string().regex(/^\d{1,9}$/, "is no whole number").transform(Number)
  .pipe(z.number().min(1, "is below 1").max(TIMEOUT_MAX_MS, `is above ${TIMEOUT_MAX_MS}`));

/** Visible ASCII and spaces, as a header may carry it. */
const IdempotencyKey = z.string().min(1, "is empty").max(255, "is longer than 255 characters");

const WAIT = /^wait=(\d{1,6})$/i;
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

/** What was said, or why it cannot be meant. */
type Read<T> = { readonly ok: true; readonly parameters: T } | ({ readonly ok: false } & Fault);

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
export function submitParameters(request: Request): Read<SubmitParameters> {
  const query = readQuery(request, SubmitQuery);
  if (!query.ok) return query;
  const timeout = timeoutParameter(request);
  if (!timeout.ok) return timeout;
  const key = IdempotencyKey.optional().safeParse(
    request.headers.get("idempotency-key") ?? undefined,
  );
  if (!key.success) return invalid(`header "Idempotency-Key" ${key.error.issues[0]!.message}`);
  const traceparent = request.headers.get("traceparent") ?? "";
  return {
    ok: true,
    parameters: {
      model: query.parameters.model,
      top: query.parameters.top,
      timeoutMs: timeout.parameters.timeoutMs,
      waitMs: waitMs(request),
      traceparent: TRACEPARENT.test(traceparent) ? traceparent : undefined,
      idempotencyKey: key.data,
    },
  };
}

/** Reads which dead letters are to be listed. */
export function deadParameters(request: Request): Read<z.output<typeof DeadQuery>> {
  return readQuery(request, DeadQuery);
}

/** `X-Request-Timeout-Ms`: the deadline that the client sets, if it does. */
export function timeoutParameter(request: Request): Read<Pick<SubmitParameters, "timeoutMs">> {
  const header = request.headers.get("x-request-timeout-ms");
  const timeout = TimeoutMs.optional().safeParse(header ?? undefined);
  if (timeout.success) return { ok: true, parameters: { timeoutMs: timeout.data } };
  return invalid(`header "X-Request-Timeout-Ms" ${timeout.error.issues[0]!.message}`);
}

/** `wait` of the `Prefer` header (RFC 7240) in milliseconds; other preferences are ignored. */
export function waitMs(request: Request): number | undefined {
  for (const preference of (request.headers.get("prefer") ?? "").split(/[,;]/)) {
    const seconds = WAIT.exec(preference.trim())?.[1];
    if (seconds !== undefined) return Math.min(Number(seconds) * 1000, TIMEOUT_MAX_MS);
  }
  return undefined;
}

function readQuery<T>(request: Request, schema: z.ZodType<T>): Read<T> {
  const query = schema.safeParse(Object.fromEntries(new URL(request.url).searchParams));
  if (query.success) return { ok: true, parameters: query.data };
  const { path, message, code } = query.error.issues[0]!;
  return invalid(
    code === "unrecognized_keys" ? message : `parameter "${String(path[0])}" ${message}`,
  );
}

function invalid(detail: string): { ok: false } & Fault {
  return { ok: false, code: "invalid_request", detail };
}
