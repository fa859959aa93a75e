/**
 * Dead letters, for those who administer them: list, replay, discard.
 *
 * Owns what an administrator may ask of letters. Never changes the outcome of a dead job: a replay
 * is a new job. Invariant: a letter leaves by a replay that was accepted, or by a discard.
 *
 * @module
 */
import { z } from "zod";
import type { DeadLetters } from "../../shared/dead_letter.ts";
import type { JobId } from "../../shared/job.ts";
import type { Log } from "../../shared/log.ts";
import { MEDIA_TYPES, mediaType } from "../../shared/media_type.ts";
import { JobSchema, jobView } from "../job_view.ts";
import type { Jobs } from "../jobs.ts";
import type { LetterImages } from "../letter_images.ts";
import { LetterSchema, letterView } from "../letter_view.ts";
import { DeadLimit, LetterIdText, ModelName, TimeoutMs } from "../parameters.ts";
import { AT_CAPACITY, atCapacity, noSuch, problemResponse, REDIS_PROBLEMS } from "../problem.ts";
import { json, type Route, route, type RouteGroup } from "../route.ts";
import { LOCATION } from "./jobs.ts";

export interface DeadParts {
  readonly letters: DeadLetters;
  readonly letterImages: LetterImages;
  /** Is told when a letter has left. */
  readonly onLetterLeft: (id: JobId) => void;
  readonly jobs: Jobs;
  readonly log: Log;
  /** `WEIR_TIMEOUT_MS`. */
  readonly timeoutMs: number;
  /** `WEIR_RESULT_TTL_MS`. */
  readonly resultTtlMs: number;
  /** While true, nothing new is taken. */
  readonly draining: () => boolean;
}

/** It is somebody's photo, and may be made to look like something else to a browser. */
const IMAGE_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; sandbox",
};

export function deadRoutes(parts: DeadParts): RouteGroup {
  return {
    name: "Dead letters",
    description: "Jobs that were given up are kept, for administrators to judge.",
    routes: [list(parts), image(parts), replay(parts), discard(parts)],
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
      if (page === undefined) return problemResponse(noSuch("model"));
      return Response.json({ letters: page.letters.map(letterView), total: page.total });
    },
  });
}

function image({ letterImages }: DeadParts): Route {
  return route({
    method: "GET",
    access: "admin",
    path: "/admin/dead/:id/image",
    id: "getDeadLetterImage",
    summary: "Get the first image of a dead letter, as it was sent",
    params: { id: LetterIdText },
    answers: {
      200: {
        description: "The image",
        content: Object.fromEntries(MEDIA_TYPES.map((type) => [type, {}])),
      },
    },
    problems: REDIS_PROBLEMS,
    handle: async ({ params: { id } }) => {
      const bytes = await letterImages.read(id);
      if (bytes === undefined) return problemResponse(noSuch("dead letter"));
      // Of what was let in, a tensor alone is no image.
      const type = mediaType(bytes);
      if (type === undefined) return problemResponse(noSuch("image in the dead letter"));
      return new Response(bytes, { headers: { ...IMAGE_HEADERS, "content-type": type } });
    },
  });
}

function replay(parts: DeadParts): Route {
  const { letters, onLetterLeft, jobs, log, timeoutMs, resultTtlMs, draining } = parts;
  return route({
    method: "POST",
    access: "admin",
    path: "/admin/dead/:id/replay",
    id: "replayDeadLetter",
    summary: "Make a new job of a dead one's images",
    description:
      "The letter is gone then, and the job belongs to the administrator. If the job is not " +
      "admitted, the letter stays.",
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
          return problemResponse(noSuch("dead letter"));
        case "full":
          log.warn("queue is full, dead letter stays", { letter: id, ...replayed.load });
          return problemResponse(atCapacity(replayed.waitMs));
      }
      log.info("dead letter replayed", { letter: id, job: replayed.id });
      onLetterLeft(id);
      const found = await jobs.read(caller, replayed.id, 0, request.signal);
      if (!found.ok) return problemResponse(found);
      return Response.json(jobView(found.value), {
        status: 202,
        headers: { location: `/v1/jobs/${replayed.id}` },
      });
    },
  });
}

function discard({ letters, onLetterLeft, log }: DeadParts): Route {
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
      if (!await letters.discard(id)) return problemResponse(noSuch("dead letter"));
      log.info("dead letter discarded", { letter: id });
      onLetterLeft(id);
      return new Response(null, { status: 204 });
    },
  });
}
