/**
 * Requests that bring images, made into jobs.
 *
 * Owns the way from a request's body to an accepted job. Never waits for the job.
 * Invariant: nothing is queued before every image's type and size are known to be fit.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import type { ErrorCode } from "../shared/errors.ts";
import { type Body, type BodyOptions, readBody } from "./intake/body.ts";
import { checkImage } from "./intake/header.ts";
import { readImages } from "./intake/images.ts";
import { inflateBody } from "./intake/inflate.ts";
import type { Accepted, Jobs, Result } from "./jobs.ts";
import type { Caller } from "./keys/caller.ts";
import type { SubmitParameters } from "./parameters.ts";
import { AT_CAPACITY, REDIS_PROBLEMS } from "./problem.ts";

export interface SubmitterParts {
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly bodyBytesMax: number;
  readonly pixelsMax: number;
  /** While true, nothing new is taken. */
  readonly draining: () => boolean;
}

/** A whole body has to come within this time. */
const BODY_TIMEOUT_MS = 30_000;

/**
 * The images of a request have so many times the pixels of the largest one that is taken in: a
 * picture of one colour has 50 million in 1.4 kB, and 64 of them would be decoded for minutes.
 */
const REQUEST_PIXELS_FACTOR = 4;

/** Why a request with images may not become a job. */
export const SUBMIT_PROBLEMS: readonly ErrorCode[] = [
  "invalid_request",
  "not_found",
  "request_timeout",
  "payload_too_large",
  "unsupported_media_type",
  "undecodable_image",
  "idempotency_mismatch",
  "rate_limited",
  ...REDIS_PROBLEMS,
];

export class Submitter {
  readonly #parts: SubmitterParts;

  constructor(parts: SubmitterParts) {
    this.#parts = parts;
  }

  /**
   * Reads a request's images, judges them and submits them as one job.
   *
   * @param caller whose job it is
   * @param keep whether the job's record is to be read later, or only waited for
   */
  async submit(
    caller: Caller,
    request: Request,
    parameters: SubmitParameters,
    keep: boolean,
  ): Promise<Result<Accepted>> {
    if (this.#parts.draining()) return { ok: false, ...AT_CAPACITY };
    const read = await readImages(request, this.#bodyOptions);
    return read.ok ? await this.submitImages(caller, read.images, parameters, keep) : read;
  }

  /** Judges images that came whichever way, and submits them as one job. */
  async submitImages(
    caller: Caller,
    images: readonly Uint8Array[],
    parameters: SubmitParameters,
    keep: boolean,
  ): Promise<Result<Accepted>> {
    const judged = this.judge(images);
    return judged.ok ? await this.#parts.jobs.submit(caller, images, parameters, keep) : judged;
  }

  /**
   * Reads the body of a request that is to become a job, whatever it holds.
   *
   * @param encoding how it was compressed, if it was
   */
  async read(request: Request, encoding: string | undefined): Promise<Body> {
    if (this.#parts.draining()) return { ok: false, ...AT_CAPACITY };
    const body = await readBody(request, this.#bodyOptions);
    if (!body.ok) return body;
    return await inflateBody(body.bytes, encoding, this.#parts.bodyBytesMax);
  }

  /** Judges images by their headers; gives them back, or the first fault. */
  judge(images: readonly Uint8Array[]): Result<readonly Uint8Array[]> {
    const pixelsMax = REQUEST_PIXELS_FACTOR * this.#parts.pixelsMax;
    let pixels = 0;
    for (const [index, bytes] of images.entries()) {
      const checked = checkImage(bytes, this.#parts);
      if (!checked.ok) {
        const which = images.length > 1 ? `image ${index + 1} of ${images.length}: ` : "";
        return { ok: false, code: checked.code, detail: which + checked.detail };
      }
      pixels += checked.width * checked.height;
      if (pixels > pixelsMax) {
        const detail = `read images: together, at most ${pixelsMax} pixels are accepted`;
        return { ok: false, code: "payload_too_large", detail };
      }
    }
    return { ok: true, value: images };
  }

  get #bodyOptions(): BodyOptions {
    const { bodyBytesMax, clock } = this.#parts;
    return { bodyBytesMax, bodyTimeoutMs: BODY_TIMEOUT_MS, clock };
  }
}
