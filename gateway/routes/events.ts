/**
 * A job's events.
 *
 * @module
 */
import type { EventStreams } from "../events/event_streams.ts";
import { NOTHING } from "../events/event.ts";
import type { Jobs } from "../jobs.ts";
import { JobIdText, LastEventId } from "../parameters.ts";
import { problemResponse, REDIS_PROBLEMS } from "../problem.ts";
import { type Route, route } from "../route.ts";

export interface EventsParts {
  readonly jobs: Jobs;
  readonly streams: EventStreams;
}

export function eventsRoute({ jobs, streams }: EventsParts): Route {
  return route({
    method: "GET",
    path: "/v1/jobs/:id/events",
    id: "followJob",
    summary: "Follow a job: what has happened so far, then what happens",
    description: "Server-Sent Events: `queued`, `running` (data: the job as it was then), " +
      '`prediction` for each image in order (data: `{"index"}` and its answer: ' +
      "`predictions`, `embedding` or `tensor`), then " +
      "`succeeded`, `failed`, `cancelled` or `expired` (data: the job), which ends the stream. " +
      'Instead of predictions that are no longer kept, `gap` (data: `{"from", "to"}`, indices): ' +
      "they are in the job once it has succeeded. An event's id is the same for everybody.",
    params: { id: JobIdText },
    headers: { "Last-Event-ID": LastEventId },
    answers: {
      200: { description: "The events", content: { "text/event-stream": {} } },
      204: { description: "`Last-Event-ID` was the last event: no other will follow" },
    },
    problems: REDIS_PROBLEMS,
    handle: async ({ request, caller, params, headers }) => {
      const after = headers["Last-Event-ID"] ?? NOTHING;
      const followed = await jobs.follow(caller, params.id, after);
      if (!followed.ok) return problemResponse(followed);
      if (followed.value === undefined) return new Response(null, { status: 204 });
      return streams.respond(request, followed.value);
    },
  });
}
