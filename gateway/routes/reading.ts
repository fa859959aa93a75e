/**
 * Requests that bring nothing: jobs, models, health.
 *
 * @module
 */
import { parseJobId } from "../../shared/job.ts";
import type { Catalog, CatalogModel } from "../catalog.ts";
import { jobView } from "../job_view.ts";
import type { Jobs, Result } from "../jobs.ts";
import type { Caller } from "../keys/caller.ts";
import { waitMs } from "../parameters.ts";
import { noSuch, problemResponse } from "../problem.ts";

export interface ReadingParts {
  readonly jobs: Jobs;
  readonly catalog: Catalog;
  readonly draining: () => boolean;
}

export class Reading {
  readonly #parts: ReadingParts;

  constructor(parts: ReadingParts) {
    this.#parts = parts;
  }

  /** `GET /v1/jobs/ID`, waiting where the client prefers to. */
  async job(request: Request, text: string, caller: Caller): Promise<Response> {
    const id = parseJobId(text);
    if (id === undefined) return noSuch("job");
    const ms = waitMs(request) ?? 0;
    return answer(await this.#parts.jobs.read(caller, id, ms, request.signal), jobView);
  }

  /** `DELETE /v1/jobs/ID` */
  async cancel(text: string, caller: Caller): Promise<Response> {
    const id = parseJobId(text);
    if (id === undefined) return noSuch("job");
    return answer(await this.#parts.jobs.cancel(caller, id), jobView);
  }

  /** `GET /v1/models` */
  async models(): Promise<Response> {
    const models = await this.#parts.catalog.read();
    return Response.json({ models: models.map(modelView) });
  }

  /** `GET /v1/models/NAME` */
  async model(name: string): Promise<Response> {
    const model = (await this.#parts.catalog.read()).find(({ card }) => card.name === name);
    return model === undefined ? noSuch("model") : Response.json(modelView(model));
  }

  /** `GET /readyz`: Redis answers and a warm worker serves the default model. */
  async ready(): Promise<Response> {
    const models = await this.#parts.catalog.read().catch(() => undefined);
    const served = models?.some(({ card, workers }) => card.default && workers > 0) ?? false;
    const ready = served && !this.#parts.draining();
    return Response.json({ ready, redis: models !== undefined, worker: served }, {
      status: ready ? 200 : 503,
      ...(!ready && { headers: { "retry-after": "1" } }),
    });
  }
}

function modelView({ card, workers }: CatalogModel): Record<string, unknown> {
  const { name, version, default: isDefault, engine, input, top, labels } = card;
  return { name, version, default: isDefault, engine, input, top, labels, readyWorkers: workers };
}

function answer<T>(result: Result<T>, view: (value: T) => unknown): Response {
  return result.ok ? Response.json(view(result.value)) : problemResponse(result);
}
