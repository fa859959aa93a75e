/**
 * Requests of those who administer dead letters: list, replay, discard.
 *
 * Owns what an administrator may ask of letters. Never changes the outcome of a dead job: a replay
 * is a new job. Invariant: a letter leaves by a replay that was accepted, or by a discard.
 *
 * @module
 */
import type { DeadLetter, DeadLetters } from "../../shared/broker.ts";
import { parseJobId } from "../../shared/job.ts";
import type { Log } from "../../shared/log.ts";
import type { Catalog } from "../catalog.ts";
import { jobView } from "../job_view.ts";
import type { Jobs } from "../jobs.ts";
import type { Caller } from "../keys/caller.ts";
import { deadParameters, timeoutParameter } from "../parameters.ts";
import { AT_CAPACITY, noSuch, problemResponse } from "../problem.ts";

export interface DeadParts {
  readonly letters: DeadLetters;
  readonly jobs: Jobs;
  readonly catalog: Catalog;
  readonly log: Log;
  /** `WEIR_TIMEOUT_MS`. */
  readonly timeoutMs: number;
  /** `WEIR_RESULT_TTL_MS`. */
  readonly resultTtlMs: number;
  /** While true, nothing new is taken. */
  readonly draining: () => boolean;
}

export class Dead {
  readonly #parts: DeadParts;

  constructor(parts: DeadParts) {
    this.#parts = parts;
  }

  /** `GET /admin/dead`: the newest letters, of one model or of all. */
  async list(request: Request): Promise<Response> {
    const { letters, catalog } = this.#parts;
    const read = deadParameters(request);
    if (!read.ok) return problemResponse(read);
    const { model, limit } = read.parameters;
    const names = (await catalog.read()).map(({ card }) => card.name);
    if (model !== undefined && !names.includes(model)) return noSuch("model");
    const page = await letters.list(model === undefined ? names : [model], limit);
    return Response.json({ letters: page.letters.map(letterView), total: page.total });
  }

  /** `POST /admin/dead/ID/replay`: the new job, accepted as any other, is the administrator's. */
  async replay(request: Request, text: string, caller: Caller): Promise<Response> {
    const { letters, jobs, log, timeoutMs, resultTtlMs, draining } = this.#parts;
    if (draining()) return problemResponse(AT_CAPACITY);
    const read = timeoutParameter(request);
    if (!read.ok) return problemResponse(read);
    const id = parseJobId(text);
    if (id === undefined) return noSuch("dead letter");
    const replayed = await letters.replay(id, {
      owner: caller.name,
      timeoutMs: read.parameters.timeoutMs ?? timeoutMs,
      keepMs: resultTtlMs,
    });
    switch (replayed.kind) {
      case "none":
        return noSuch("dead letter");
      case "full":
        log.warn("queue is full, dead letter stays", { letter: id, ...replayed.load });
        return problemResponse(AT_CAPACITY);
    }
    log.info("dead letter replayed", { letter: id, job: replayed.id });
    const found = await jobs.read(caller, replayed.id, 0, request.signal);
    if (!found.ok) return problemResponse(found);
    return Response.json(jobView(found.value), {
      status: 202,
      headers: { location: `/v1/jobs/${replayed.id}` },
    });
  }

  /** `DELETE /admin/dead/ID` */
  async discard(text: string): Promise<Response> {
    const { letters, log } = this.#parts;
    const id = parseJobId(text);
    if (id === undefined || !await letters.discard(id)) return noSuch("dead letter");
    log.info("dead letter discarded", { letter: id });
    return new Response(null, { status: 204 });
  }
}

function letterView(letter: DeadLetter): Record<string, unknown> {
  return { ...letter, failedAt: new Date(letter.failedAt).toISOString() };
}
