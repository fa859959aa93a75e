/**
 * A request's body, read whole under a bound on its bytes and its time.
 *
 * Owns the reading. Never looks at what the bytes are.
 * Invariant: no more than `bodyBytesMax` bytes are ever kept, whatever length was declared.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import type { Fault } from "../../shared/errors.ts";

/**
 * A body with a declared length up to this is left to the platform to read, which takes a third of
 * the processor time of reading it in pieces: most photos fit.
 */
const WHOLE_BYTES_MAX = 1_048_576;

/** Memory for a body that is read in pieces to begin with. */
const FIRST_BYTES = 65_536;

/**
 * A body has to come at this rate: in every stretch of its time, the first one included, where it
 * is read in pieces, else on the whole.
 */
export const STRETCH_MS = 10_000;
export const STRETCH_BYTES_MIN = 10_240;

/** The body, or why it was not read to its end. */
export type Body =
  | { readonly ok: true; readonly bytes: Uint8Array<ArrayBuffer> }
  | ({ readonly ok: false } & Fault);

/** Bounds of a body. */
export interface BodyOptions {
  /** Most bytes that are read. */
  readonly bodyBytesMax: number;
  /** From the call to the body's last byte. */
  readonly bodyTimeoutMs: number;
  /** What `bodyTimeoutMs` is measured by. */
  readonly clock: Clock;
}

/**
 * Reads a request's body: a declared length above the bound is refused unread, an undeclared one is
 * cut off where it passes the bound, and a body that comes too slowly is given up.
 *
 * @returns the bytes, a view that may lie in a larger buffer; or the fault: `payload_too_large`,
 * `request_timeout`, or `invalid_request` where the connection ended before the body
 *
 * @example
 * ```ts
 * import { systemClock } from "../../shared/clock.ts";
 * import { readBody } from "./body.ts";
 *
 * const request = new Request("http://localhost/predict", { method: "POST", body: "bytes" });
 * await readBody(request, { bodyBytesMax: 10, bodyTimeoutMs: 1_000, clock: systemClock });
 * ```
 */
export async function readBody(request: Request, options: BodyOptions): Promise<Body> {
  const declared = request.headers.get("content-length");
  if (Number(declared) > options.bodyBytesMax) return tooLarge(options);
  if (request.body === null) return { ok: true, bytes: new Uint8Array() };
  const whole = declared !== null && Number(declared) <= WHOLE_BYTES_MAX;
  try {
    return whole
      ? await readWhole(request, Number(declared), options)
      : await readInPieces(request.body, options);
  } catch {
    return refused("invalid_request", "the connection ended before it was complete");
  }
}

/** Where it is given up, the rest is dropped with the answer. */
async function readWhole(
  request: Request,
  declared: number,
  { bodyBytesMax, bodyTimeoutMs, clock }: BodyOptions,
): Promise<Body> {
  const stretches = Math.max(1, Math.ceil(declared / STRETCH_BYTES_MIN));
  const ms = Math.min(bodyTimeoutMs, STRETCH_MS * stretches);
  const late = Promise.withResolvers<Body>();
  const stopTimer = clock.after(
    ms,
    () => late.resolve(refused("request_timeout", `not complete after ${ms} ms`)),
  );
  const whole = request.bytes().then((bytes): Body =>
    bytes.length > bodyBytesMax ? tooLarge({ bodyBytesMax }) : { ok: true, bytes }
  );
  try {
    return await Promise.race([whole, late.promise]);
  } finally {
    stopTimer();
  }
}

async function readInPieces(
  body: ReadableStream<Uint8Array>,
  { bodyBytesMax, bodyTimeoutMs, clock }: BodyOptions,
): Promise<Body> {
  const reader = body.getReader();
  const progress: Progress = { length: 0 };
  const stopWatch = watch(progress, { bodyTimeoutMs, clock }, () => abandon(reader));
  try {
    const bytes = await readUpTo(bodyBytesMax, reader, progress);
    if (progress.late !== undefined) return refused("request_timeout", progress.late);
    return bytes === undefined ? tooLarge({ bodyBytesMax }) : { ok: true, bytes };
  } finally {
    stopWatch();
  }
}

/** How far a body has come. */
interface Progress {
  /** Bytes that are there. */
  length: number;
  /** Why it was given up. */
  late?: string;
}

/** Gives a body up that is late or too slow; returns what ends the watch. */
function watch(
  progress: Progress,
  { bodyTimeoutMs, clock }: Pick<BodyOptions, "bodyTimeoutMs" | "clock">,
  abandon: () => void,
): () => void {
  const giveUp = (state: string) => {
    progress.late ??= state;
    abandon();
  };
  const stopTimer = clock.after(
    bodyTimeoutMs,
    () => giveUp(`not complete after ${bodyTimeoutMs} ms`),
  );
  const stretch = (from: number): () => void =>
    clock.after(STRETCH_MS, () => {
      if (progress.length - from < STRETCH_BYTES_MIN) {
        return giveUp(`fewer than ${STRETCH_BYTES_MIN} bytes in ${STRETCH_MS} ms`);
      }
      stopStretch = stretch(progress.length);
    });
  let stopStretch = stretch(0);
  return () => {
    stopTimer();
    stopStretch();
  };
}

/**
 * Reads a stream to its end into one buffer, or gives undefined where it has more than `bytesMax`.
 *
 * Chunks are copied, not collected: each holds a buffer of 64 KiB, however few bytes came in it, so
 * that a body sent byte by byte would take 65,536 times its size.
 */
async function readUpTo(
  bytesMax: number,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  progress: Progress,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  let buffer = new ArrayBuffer(FIRST_BYTES);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(buffer, 0, progress.length);
    const next = progress.length + value.length;
    if (next > bytesMax) {
      abandon(reader);
      return undefined;
    }
    if (next > buffer.byteLength) {
      buffer = buffer.transfer(Math.min(bytesMax, Math.max(next, 2 * buffer.byteLength)));
    }
    new Uint8Array(buffer).set(value, progress.length);
    progress.length = next;
  }
}

/** Ends a read under way: it resolves as if the stream were over. */
function abandon(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  // The connection may be gone already, which is what was asked for.
  reader.cancel().catch(() => undefined);
}

function tooLarge({ bodyBytesMax }: Pick<BodyOptions, "bodyBytesMax">): Body {
  return refused("payload_too_large", `at most ${bodyBytesMax} bytes are accepted`);
}

function refused(code: Fault["code"], state: string): Body {
  return { ok: false, code, detail: `read body: ${state}` };
}
