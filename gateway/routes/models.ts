/**
 * Models: what is served.
 *
 * @module
 */
import { z } from "zod";
import type { ServedModel } from "../../shared/broker.ts";
import { ModelCardSchema } from "../../shared/model_card.ts";
import type { Catalog } from "../catalog.ts";
import { ModelName } from "../parameters.ts";
import { problemResponse, REDIS_PROBLEMS } from "../problem.ts";
import { json, route, type RouteGroup } from "../route.ts";

export interface ModelsParts {
  readonly catalog: Catalog;
}

const ModelSchema = ModelCardSchema.extend({
  readyWorkers: z.int().meta({ description: "Workers that serve it now" }),
  versions: z.array(z.object({
    version: z.string(),
    readyWorkers: z.int().meta({ description: "Workers that serve it now" }),
  })).meta({
    description: "The versions that ready workers serve: several while a new one is rolled out",
  }),
}).meta({ id: "Model", description: "A model as workers announced it" });

export function modelRoutes({ catalog }: ModelsParts): RouteGroup {
  const list = route({
    method: "GET",
    path: "/v1/models",
    id: "listModels",
    summary: "List the models",
    answers: { 200: json("The models", z.object({ models: z.array(ModelSchema) })) },
    problems: REDIS_PROBLEMS,
    handle: async ({ caller }) => {
      return Response.json({ models: (await catalog.readFor(caller)).map(modelView) });
    },
  });
  const read = route({
    method: "GET",
    path: "/v1/models/:name",
    id: "readModel",
    summary: "Read one model",
    params: { name: ModelName },
    answers: { 200: json("The model", ModelSchema) },
    problems: REDIS_PROBLEMS,
    handle: async ({ caller, params }) => {
      const model = await catalog.readNamed(caller, params.name);
      if (model === undefined) return problemResponse(catalog.missing(caller, params.name));
      return Response.json(modelView(model));
    },
  });
  return { name: "Models", description: "What is served.", routes: [list, read] };
}

function modelView({ card, workers, versions }: ServedModel): z.output<typeof ModelSchema> {
  return {
    ...card,
    readyWorkers: workers,
    versions: [...versions].map(([version, readyWorkers]) => ({ version, readyWorkers })),
  };
}
