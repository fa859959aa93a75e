/**
 * The simple way: a photo in, the model's answer out.
 *
 * @module
 */
import { z } from "zod";
import { ANSWER_PROBLEMS, answersOf, JOB_ID, naming } from "../answers.ts";
import { IMAGES_BODY } from "../intake/images.ts";
import { AnswerSchema, answerView } from "../answer_view.ts";
import type { Jobs } from "../jobs.ts";
import { SUBMIT_HEADERS, SUBMIT_QUERY, submitParameters } from "../parameters.ts";
import { problemResponse } from "../problem.ts";
import { json, route, type RouteGroup } from "../route.ts";
import type { Submitter } from "../submitter.ts";

export interface PredictParts {
  readonly jobs: Jobs;
  readonly submitter: Submitter;
}

const SUCCESS = { success: z.literal(true) };

const [Classes, Embedding, Tensor] = AnswerSchema.options;

const PredictedSchema = z.union([
  Classes.extend(SUCCESS),
  Embedding.extend(SUCCESS),
  Tensor.extend(SUCCESS),
])
  .meta({
    id: "Predicted",
    description: "What the model sees, by its `output.kind`",
    examples: [{ success: true, predictions: [{ label: "star", probability: 0.99 }] }],
  });

export function predictRoutes({ jobs, submitter }: PredictParts): RouteGroup {
  const predict = route({
    method: "POST",
    path: "/predict",
    id: "predict",
    summary: "Run a model on photos and wait for the answer",
    description: "A client that disconnects cancels its job, unless it sent an `Idempotency-Key` " +
      "or somebody else waits for the job.",
    query: SUBMIT_QUERY,
    headers: SUBMIT_HEADERS,
    body: IMAGES_BODY,
    answers: { 200: json("What the model sees", PredictedSchema, JOB_ID) },
    problems: ANSWER_PROBLEMS,
    handle: async ({ request, caller, query, headers }) => {
      const parameters = submitParameters({ query, headers });
      const accepted = await submitter.submit(caller, request, parameters, false);
      if (!accepted.ok) return problemResponse(accepted);
      using job = accepted.value;
      const answered = await answersOf(jobs, job, request.signal);
      if (!answered.ok) return naming(job, problemResponse(answered));
      return naming(job, Response.json({ success: true, ...answerView(answered.value.answers) }));
    },
  });
  return { name: "Predict", description: "The simple way.", routes: [predict] };
}
