/**
 * `traceparent` of W3C Trace Context: which trace something belongs to.
 *
 * @module
 */
import type { LogFields } from "./log.ts";

const TRACEPARENT = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/;

/** What a traceparent says. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly traceFlags: number;
}

/** Reads a traceparent; undefined where it has not the form of one, or names nothing. */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(text ?? "") ?? [];
  if (traceId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId!)) return undefined;
  return { traceId, spanId: spanId!, traceFlags: Number.parseInt(flags!, 16) };
}

/** Writes a traceparent. */
export function traceparentOf({ traceId, spanId, traceFlags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** What every line of the log says of the job that it is about. */
export function jobFields(
  { id, model, traceparent }: {
    readonly id: string;
    readonly model?: string;
    readonly traceparent?: string | undefined;
  },
): LogFields {
  const trace = parseTraceparent(traceparent)?.traceId;
  return { job: id, ...(model && { model }), ...(trace && { trace }) };
}
