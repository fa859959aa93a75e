/**
 * What happened to a job.
 *
 * @module
 */
import { explanationOf, ExplanationSchema } from "../explain/explanation.ts";
import type { Stories } from "../explain/stories.ts";
import { JobIdText } from "../parameters.ts";
import { problemResponse, REDIS_PROBLEMS } from "../problem.ts";
import { json, type Route, route } from "../route.ts";

export interface ExplainParts {
  readonly stories: Stories;
  /** `WEIR_RESULT_TTL_MS`. */
  readonly resultTtlMs: number;
}

export function explainRoute({ stories, resultTtlMs }: ExplainParts): Route {
  const gone =
    "no such job: it never existed, belongs to another API key, or its record is gone, " +
    `${resultTtlMs / 1000} s after its deadline, or a minute after if its client only waited`;
  return route({
    method: "GET",
    path: "/v1/jobs/:id/explain",
    id: "explainJob",
    summary: "Explain a job: what happened to it, and where its time went",
    description:
      "Every attempt with its worker, batches and stages, faults, and who was told. The " +
      "story lives as long as the job's record. Only administrators are told which jobs were in " +
      "a batch with it.",
    params: { id: JobIdText },
    answers: { 200: json("The story", ExplanationSchema) },
    problems: REDIS_PROBLEMS,
    handle: async ({ caller, params }) => {
      const story = await stories.read(caller, params.id);
      if (story === undefined) return problemResponse({ code: "not_found", detail: gone });
      return Response.json(explanationOf(story, { named: caller.isAdmin }));
    },
  });
}
