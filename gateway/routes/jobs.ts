/**
 * Jobs: submitted, read, waited for, cancelled.
 *
 * @module
 */
import { z } from "zod";
import { IMAGES_BODY } from "../intake/images.ts";
import { JobSchema, jobView } from "../job_view.ts";
import {
  JobIdText,
  Prefer,
  SUBMIT_HEADERS,
  SUBMIT_QUERY,
  submitParameters,
} from "../parameters.ts";
import { problemResponse, REDIS_PROBLEMS } from "../problem.ts";
import { json, type Route, route, type RouteGroup } from "../route.ts";
import { SUBMIT_PROBLEMS, type Submitter } from "../submitter.ts";
import { type EventsParts, eventsRoute } from "./events.ts";
import { type ExplainParts, explainRoute } from "./explain.ts";

export interface JobsRoutesParts extends EventsParts, ExplainParts {
  readonly submitter: Submitter;
}

/** Headers of an answer that names a new job. */
export const LOCATION = z.object({
  Location: z.string().meta({ description: "Path of the job" }),
});
const WAITED = z.object({
  "Preference-Applied": z.string().optional().meta({ description: "If the client waited" }),
});
const CREATED = LOCATION.extend(WAITED.shape);

export function jobRoutes(parts: JobsRoutesParts): RouteGroup {
  return {
    name: "Jobs",
    description:
      "A job is `queued`, then `running`, and in the end `succeeded`, `failed`, `cancelled` " +
      "or `expired`.",
    routes: [create(parts), read(parts), eventsRoute(parts), explainRoute(parts), cancel(parts)],
  };
}

function create({ jobs, submitter }: JobsRoutesParts): Route {
  return route({
    method: "POST",
    path: "/v1/jobs",
    id: "createJob",
    summary: "Submit photos as a job",
    query: SUBMIT_QUERY,
    headers: { ...SUBMIT_HEADERS, Prefer },
    body: IMAGES_BODY,
    answers: {
      200: json("The job: the client waited, and it has finished in that time", JobSchema, CREATED),
      202: json("The job, accepted", JobSchema, CREATED),
    },
    problems: SUBMIT_PROBLEMS,
    handle: async ({ request, caller, query, headers }) => {
      const parameters = submitParameters({ query, headers });
      const accepted = await submitter.submit(caller, request, parameters, true);
      if (!accepted.ok) return problemResponse(accepted);
      using job = accepted.value;
      const { Prefer: waitMs = 0 } = headers;
      const found = await jobs.wait(job, waitMs, request.signal);
      if (!found.ok) return problemResponse(found);
      const finished = waitMs > 0 && found.value.finishedAt !== undefined;
      return Response.json(jobView(found.value), {
        status: finished ? 200 : 202,
        headers: {
          location: `/v1/jobs/${job.id}`,
          ...waited(waitMs),
        },
      });
    },
  });
}

/** Says for how long the client was ready to wait (RFC 7240). */
function waited(waitMs: number): Record<string, string> {
  return waitMs > 0 ? { "preference-applied": `wait=${waitMs / 1000}` } : {};
}

function read({ jobs }: JobsRoutesParts): Route {
  return route({
    method: "GET",
    path: "/v1/jobs/:id",
    id: "readJob",
    summary: "Read a job, or wait for its outcome",
    params: { id: JobIdText },
    headers: { Prefer },
    answers: { 200: json("The job as it is now", JobSchema, WAITED) },
    problems: REDIS_PROBLEMS,
    handle: async ({ request, caller, params, headers }) => {
      const { Prefer: waitMs = 0 } = headers;
      const found = await jobs.read(caller, params.id, waitMs, request.signal);
      if (!found.ok) return problemResponse(found);
      return Response.json(jobView(found.value), { headers: waited(waitMs) });
    },
  });
}

function cancel({ jobs }: JobsRoutesParts): Route {
  return route({
    method: "DELETE",
    path: "/v1/jobs/:id",
    id: "cancelJob",
    summary: "Cancel a job, queued or running",
    params: { id: JobIdText },
    answers: { 200: json("The job, cancelled", JobSchema) },
    problems: ["job_finished", ...REDIS_PROBLEMS],
    handle: async ({ caller, params }) => {
      const cancelled = await jobs.cancel(caller, params.id);
      return cancelled.ok ? Response.json(jobView(cancelled.value)) : problemResponse(cancelled);
    },
  });
}
