/**
 * A body that was sent compressed, made what it was, under a bound on its size.
 *
 * Never inflates while it reads: what came is bounded before.
 * Invariant: no more than `bytesMax` bytes come out, however few went in.
 *
 * @module
 */
import { gunzip, inflate, type ZlibOptions } from "node:zlib";
import type { Fault } from "../../shared/errors.ts";
import type { Body } from "./body.ts";

type Inflate = (
  bytes: Uint8Array,
  options: ZlibOptions,
  done: (error: Error | null, inflated: Uint8Array<ArrayBuffer>) => void,
) => void;

/** RFC 9110, section 8.4.1: `deflate` is zlib's form of it. */
const INFLATES: Readonly<Record<string, Inflate>> = { gzip: gunzip, deflate: inflate };

/**
 * Inflates a body.
 *
 * @param encoding the request's `Content-Encoding`
 * @param bytesMax most bytes that may come out
 * @returns the bytes; or the fault: `unsupported_media_type` for another encoding,
 * `payload_too_large`, or `invalid_request` where the bytes are damaged
 */
export async function inflateBody(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: string = "identity",
  bytesMax: number,
): Promise<Body> {
  const name = encoding.toLowerCase();
  if (name === "identity") return { ok: true, bytes };
  const inflating = Object.hasOwn(INFLATES, name) ? INFLATES[name] : undefined;
  if (inflating === undefined) {
    const known = Object.keys(INFLATES).join(", ");
    return refused("unsupported_media_type", `encoding "${encoding}" is not one of ${known}`);
  }
  return await new Promise((resolve) =>
    inflating(bytes, { maxOutputLength: bytesMax }, (error, inflated) => {
      if (error === null) return resolve({ ok: true, bytes: inflated });
      resolve(
        (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
          ? refused("payload_too_large", `at most ${bytesMax} bytes are accepted`)
          : refused("invalid_request", `the ${name} data is incomplete or damaged`),
      );
    })
  );
}

function refused(code: Fault["code"], state: string): Body {
  return { ok: false, code, detail: `inflate body: ${state}` };
}
