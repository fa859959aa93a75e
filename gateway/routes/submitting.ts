/**
 * Requests that bring images: `POST /predict` and `POST /v1/jobs`.
 *
 * Owns the way from a request to an accepted job and its answer.
 * Invariant: nothing is queued before every image's type and size are known to be fit.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import type { Fault } from "../../shared/errors.ts";
import type { JobRecord } from "../../shared/job.ts";
import { checkImage } from "../intake/header.ts";
import { readImages } from "../intake/images.ts";
import { answerView, jobView } from "../job_view.ts";
import type { Accepted, Jobs, Result } from "../jobs.ts";
import type { Caller } from "../keys/caller.ts";
import { type SubmitParameters, submitParameters } from "../parameters.ts";
import { AT_CAPACITY, problemResponse } from "../problem.ts";

export interface SubmittingParts {
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly bodyBytesMax: number;
  readonly pixelsMax: number;
  /** While true, nothing new is taken. */
  readonly draining: () => boolean;
}

/** A whole body has to come within this time. */
export const BODY_TIMEOUT_MS = 30_000;

export class Submitting {
  readonly #parts: SubmittingParts;

  constructor(parts: SubmittingParts) {
    this.#parts = parts;
  }

  /** Waits for the answer; a client that leaves cancels its job. */
  async predict(request: Request, caller: Caller): Promise<Response> {
    const accepted = await this.#accept(request, caller, false);
    if (!accepted.ok) return problemResponse(accepted);
    using job = accepted.value.job;
    const outcome = await this.#parts.jobs.outcome(job, request.signal);
    if (!outcome.ok) return problemResponse(outcome);
    const fault = faultOf(outcome.value);
    if (fault !== undefined) return problemResponse(fault);
    return Response.json({ success: true, ...answerView(outcome.value.results ?? []) });
  }

  /** Answers at once, or after the time that the client prefers to wait. */
  async create(request: Request, caller: Caller): Promise<Response> {
    const accepted = await this.#accept(request, caller, true);
    if (!accepted.ok) return problemResponse(accepted);
    const { parameters: { waitMs = 0 } } = accepted.value;
    using job = accepted.value.job;
    const found = waitMs > 0
      ? await this.#parts.jobs.wait(job, waitMs, request.signal)
      : await this.#parts.jobs.read(caller, job.id, 0, request.signal);
    if (!found.ok) return problemResponse(found);
    const finished = waitMs > 0 && found.value.finishedAt !== undefined;
    return Response.json(jobView(found.value), {
      status: finished ? 200 : 202,
      headers: {
        location: `/v1/jobs/${job.id}`,
        ...(waitMs > 0 && { "preference-applied": `wait=${Math.floor(waitMs / 1000)}` }),
      },
    });
  }

  async #accept(
    request: Request,
    caller: Caller,
    keep: boolean,
  ): Promise<Result<{ job: Accepted; parameters: SubmitParameters }>> {
    const { jobs, draining } = this.#parts;
    if (draining()) return { ok: false, ...AT_CAPACITY };
    const read = submitParameters(request);
    if (!read.ok) return read;
    const images = await this.#images(request);
    if (!images.ok) return images;
    const submitted = await jobs.submit(caller, images.value, read.parameters, keep);
    if (!submitted.ok) return submitted;
    return { ok: true, value: { job: submitted.value, parameters: read.parameters } };
  }

  async #images(request: Request): Promise<Result<readonly Uint8Array[]>> {
    const { bodyBytesMax, pixelsMax, clock } = this.#parts;
    const read = await readImages(request, {
      bodyBytesMax,
      bodyTimeoutMs: BODY_TIMEOUT_MS,
      clock,
    });
    if (!read.ok) return read;
    for (const [index, bytes] of read.images.entries()) {
      const checked = checkImage(bytes, { pixelsMax });
      if (checked.ok) continue;
      const which = read.images.length > 1 ? `image ${index + 1} of ${read.images.length}: ` : "";
      return { ok: false, code: checked.code, detail: which + checked.detail };
    }
    return { ok: true, value: read.images };
  }
}

/** Why a finished job has no answer. */
function faultOf({ state, error }: JobRecord): Fault | undefined {
  switch (state) {
    case "succeeded":
      return undefined;
    case "failed":
      return error ?? { code: "job_failed", detail: "the job failed" };
    case "cancelled":
      return { code: "job_finished", detail: "the job was cancelled" };
    // Still under way: Redis' clock was set back, but the client's time is over all the same.
    case "queued":
    case "running":
    case "expired":
      return { code: "deadline_exceeded", detail: "the job's deadline passed before it was done" };
  }
}
