/**
 * The answers of a job that its client waits for, or the reason why there are none.
 *
 * @module
 */
import { z } from "zod";
import type { ErrorCode, Fault } from "../shared/errors.ts";
import type { ImageAnswer, JobRecord } from "../shared/job.ts";
import type { Accepted, Jobs, Result } from "./jobs.ts";
import { fault } from "./problem.ts";
import { SUBMIT_PROBLEMS } from "./submitter.ts";

/** Why a request that waits for its answers may get none. */
export const ANSWER_PROBLEMS: readonly ErrorCode[] = [
  ...SUBMIT_PROBLEMS,
  "job_finished",
  "job_failed",
  "deadline_exceeded",
];

/** Names the job of an answer, so that it can be asked for its story. */
export const JOB_ID = z.object({
  "X-Job-Id": z.string().meta({ description: "The job that was made of the request" }),
});

/** What a job that its client waited for has answered. */
export interface Answered {
  /** One an image, in order. */
  readonly answers: readonly ImageAnswer[];
  /** Of the model that answered. */
  readonly version: string | undefined;
}

/** Adds {@linkcode JOB_ID}. */
export function naming({ id }: Accepted, response: Response): Response {
  response.headers.set("X-Job-Id", id);
  return response;
}

/** Waits for a job's answers; a client that leaves takes its job along. */
export async function answersOf(
  jobs: Jobs,
  job: Accepted,
  client: AbortSignal,
): Promise<Result<Answered>> {
  const outcome = await jobs.outcome(job, client);
  if (!outcome.ok) return outcome;
  const why = whyNone(outcome.value);
  if (why !== undefined) return { ok: false, ...why };
  const { results: answers = [], version } = outcome.value;
  return { ok: true, value: { answers, version } };
}

/** Why a finished job has no answers. */
function whyNone({ state, error }: JobRecord): Fault | undefined {
  switch (state) {
    case "succeeded":
      return undefined;
    case "failed":
      return error ?? fault("job_failed");
    case "cancelled":
      return fault("job_finished", "the job was cancelled");
    // Still under way: Redis' clock was set back, but the client's time is over all the same.
    case "queued":
    case "running":
    case "expired":
      return fault("deadline_exceeded");
  }
}
