/**
 * Dead letters, for those who administer them: list, replay, discard.
 *
 * Owns what an administrator may ask of letters. Never changes the outcome of a dead job: a replay
 * is a new job. Invariant: a letter leaves by a replay that was accepted, or by a discard.
 *
 * @module
 */
import { z } from "zod";
import type { DeadLetter, DeadLetters } from "../../shared/dead_letter.ts";
import type { Log } from "../../shared/log.ts";
import { JobSchema, jobView, Time } from "../job_view.ts";
import type { Jobs } from "../jobs.ts";
import { DeadLimit, LetterIdText, ModelName, TimeoutMs } from "../parameters.ts";
import { AT_CAPACITY, atCapacity, noSuch, problemResponse, REDIS_PROBLEMS } from "../problem.ts";
import { json, type Route, route, type RouteGroup } from "../route.ts";
import { LOCATION } from "./jobs.ts";

export interface DeadParts {
  readonly letters: DeadLetters;
  readonly jobs: Jobs;
  readonly log: Log;
  /** `WEIR_TIMEOUT_MS`. */
  readonly timeoutMs: number;
  /** `WEIR_RESULT_TTL_MS`. */
  readonly resultTtlMs: number;
  /** While true, nothing new is taken. */
  readonly draining: () => boolean;
}

const LetterSchema = z.object({
  id: z.string().meta({ description: "The job's" }),
  model: z.string(),
  reason: z.string().meta({ description: "Why the job was given up" }),
  attempts: z.int(),
  failedAt: Time,
  images: z.int(),
  bytes: z.int().meta({ description: "Of all its images" }),
}).meta({ id: "DeadLetter", description: "A job that was given up, kept with its images" });

export function deadRoutes(parts: DeadParts): RouteGroup {
  return {
    name: "Dead letters",
    description: "Jobs that were given up are kept, for administrators to judge.",
    routes: [list(parts), replay(parts), discard(parts)],
  };
}

function list({ letters }: DeadParts): Route {
  return route({
    method: "GET",
    access: "admin",
    path: "/admin/dead",
    id: "listDeadLetters",
    summary: "List the newest dead letters, without their images",
    query: { model: ModelName.optional(), limit: DeadLimit.default(100) },
    answers: {
      200: json(
        "The newest letters",
        z.object({
          letters: z.array(LetterSchema),
          total: z.int().meta({ description: "How many there are" }),
        }),
      ),
    },
    problems: ["not_found", ...REDIS_PROBLEMS],
    handle: async ({ query: { model, limit } }) => {
      const page = await letters.list(model, limit);
      if (page === undefined) return noSuch("model");
      return Response.json({ letters: page.letters.map(letterView), total: page.total });
    },
  });
}

function replay(parts: DeadParts): Route {
  const { letters, jobs, log, timeoutMs, resultTtlMs, draining } = parts;
  return route({
    method: "POST",
    access: "admin",
    path: "/admin/dead/:id/replay",
    id: "replayDeadLetter",
    summary: "Make a new job of a dead one's images",
    description:
      "The letter is gone then, and the job is the administrator's. A letter whose job is not " +
      "admitted stays.",
    params: { id: LetterIdText },
    headers: { "X-Request-Timeout-Ms": TimeoutMs.optional() },
    answers: { 202: json("The new job", JobSchema, LOCATION) },
    problems: REDIS_PROBLEMS,
    handle: async ({ request, caller, params: { id }, headers }) => {
      if (draining()) return problemResponse(AT_CAPACITY);
      const replayed = await letters.replay(id, {
        owner: caller.name,
        timeoutMs: headers["X-Request-Timeout-Ms"] ?? timeoutMs,
        keepMs: resultTtlMs,
      });
      switch (replayed.kind) {
        case "none":
          return noSuch("dead letter");
        case "full":
          log.warn("queue is full, dead letter stays", { letter: id, ...replayed.load });
          return problemResponse(atCapacity(replayed.waitMs));
      }
      log.info("dead letter replayed", { letter: id, job: replayed.id });
      const found = await jobs.read(caller, replayed.id, 0, request.signal);
      if (!found.ok) return problemResponse(found);
      return Response.json(jobView(found.value), {
        status: 202,
        headers: { location: `/v1/jobs/${replayed.id}` },
      });
    },
  });
}

function discard({ letters, log }: DeadParts): Route {
  return route({
    method: "DELETE",
    access: "admin",
    path: "/admin/dead/:id",
    id: "discardDeadLetter",
    summary: "Throw a dead letter away",
    params: { id: LetterIdText },
    answers: { 204: { description: "It is gone" } },
    problems: REDIS_PROBLEMS,
    handle: async ({ params: { id } }) => {
      if (!await letters.discard(id)) return noSuch("dead letter");
      log.info("dead letter discarded", { letter: id });
      return new Response(null, { status: 204 });
    },
  });
}

function letterView(letter: DeadLetter): z.output<typeof LetterSchema> {
  return { ...letter, failedAt: new Date(letter.failedAt).toISOString() };
}
