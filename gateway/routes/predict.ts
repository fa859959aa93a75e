/**
 * The simple way: a photo in, its classes out.
 *
 * @module
 */
import { z } from "zod";
import type { Fault } from "../../shared/errors.ts";
import type { JobRecord } from "../../shared/job.ts";
import { IMAGES_BODY } from "../intake/images.ts";
import { AnswerSchema, answerView } from "../job_view.ts";
import type { Jobs } from "../jobs.ts";
import { SUBMIT_HEADERS, SUBMIT_QUERY, submitParameters } from "../parameters.ts";
import { fault, problemResponse } from "../problem.ts";
import { json, route, type RouteGroup } from "../route.ts";
import { SUBMIT_PROBLEMS, type Submitter } from "../submitter.ts";

export interface PredictParts {
  readonly jobs: Jobs;
  readonly submitter: Submitter;
}

const PredictedSchema = z.object({ success: z.literal(true), ...AnswerSchema.shape })
  .meta({
    id: "Predicted",
    description: "What the model sees",
    examples: [{ success: true, predictions: [{ label: "star", probability: 0.99 }] }],
  });

export function predictRoutes({ jobs, submitter }: PredictParts): RouteGroup {
  const predict = route({
    method: "POST",
    path: "/predict",
    id: "predict",
    summary: "Classify photos and wait for the answer",
    description: "A client that disconnects cancels its job, unless it sent an `Idempotency-Key` " +
      "or somebody else waits for the job.",
    query: SUBMIT_QUERY,
    headers: SUBMIT_HEADERS,
    body: IMAGES_BODY,
    answers: { 200: json("What the model sees", PredictedSchema) },
    problems: [...SUBMIT_PROBLEMS, "job_finished", "job_failed", "deadline_exceeded"],
    handle: async ({ request, caller, query, headers }) => {
      const parameters = submitParameters({ query, headers });
      const accepted = await submitter.submit(caller, request, parameters, false);
      if (!accepted.ok) return problemResponse(accepted);
      using job = accepted.value;
      const outcome = await jobs.outcome(job, request.signal);
      if (!outcome.ok) return problemResponse(outcome);
      const why = whyNoAnswer(outcome.value);
      if (why !== undefined) return problemResponse(why);
      return Response.json({ success: true, ...answerView(outcome.value.results ?? []) });
    },
  });
  return { name: "Predict", description: "The simple way.", routes: [predict] };
}

/** Why a finished job has no answer. */
function whyNoAnswer({ state, error }: JobRecord): Fault | undefined {
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
