/**
 * Models as the Open Inference Protocol sees them: what they take and give, and whether they are
 * served now.
 *
 * @module
 */
import { z } from "zod";
import type { ServedModel } from "../../shared/broker.ts";
import type { Catalog } from "../catalog.ts";
import type { Result } from "../jobs.ts";
import type { Caller } from "../keys/caller.ts";
import { fault, problemResponse, REDIS_PROBLEMS } from "../problem.ts";
import { json, type Route, route } from "../route.ts";
import { atModel, wrongVersion } from "./model_place.ts";
import { tensorsOf } from "./model_tensors.ts";

const TensorSchema = z.object({
  name: z.string(),
  datatype: z.enum(["BYTES", "FP32"]),
  shape: z.array(z.int()).meta({ description: "-1 where the request chooses the size" }),
});

const MetadataSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string().meta({ description: "The engine that runs it" }),
  inputs: z.array(TensorSchema).meta({ description: "A request has one of them" }),
  outputs: z.array(TensorSchema),
}).meta({ id: "InferenceModel", description: "A model's inputs and outputs" });

export function modelRoutes(catalog: Catalog): Route[] {
  const metadata = atModel(({ path, suffix, params }) =>
    route({
      method: "GET",
      path,
      id: `readInferenceModel${suffix}`,
      summary: "Describe a model's inputs and outputs",
      params,
      answers: { 200: json("The model", MetadataSchema) },
      problems: REDIS_PROBLEMS,
      handle: async ({ caller, params }) => {
        const found = await find(catalog, caller, params);
        return found.ok ? Response.json(metadataOf(found.value)) : problemResponse(found);
      },
    })
  );
  const ready = atModel(({ path, suffix, params }) =>
    route({
      method: "GET",
      path: `${path}/ready`,
      id: `isModel${suffix}Ready`,
      summary: "Say whether a model is served now",
      params,
      answers: { 200: json("It is", z.object({ name: z.string(), ready: z.literal(true) })) },
      problems: REDIS_PROBLEMS,
      handle: async ({ caller, params }) => {
        const found = await find(catalog, caller, params);
        if (!found.ok) return problemResponse(found);
        const { card, workers } = found.value;
        const wrong = await wrongVersion(catalog, card, params.version);
        if (wrong !== undefined) return problemResponse(wrong);
        if (workers > 0) return Response.json({ name: card.name, ready: true });
        return problemResponse(fault("busy", `no worker serves model "${card.name}"`));
      },
    })
  );
  return [...metadata, ...ready];
}

async function find(
  catalog: Catalog,
  caller: Caller,
  { name, version }: { readonly name: string; readonly version: string | undefined },
): Promise<Result<ServedModel>> {
  const model = await catalog.readNamed(caller, name);
  if (model === undefined) return { ok: false, ...catalog.missing(caller, name) };
  const wrong = await wrongVersion(catalog, model.card, version);
  // What some serve is there.
  if (wrong?.code === "not_found") return { ok: false, ...wrong };
  return { ok: true, value: model };
}

function metadataOf({ card, versions }: ServedModel): z.output<typeof MetadataSchema> {
  const { name, version, engine } = card;
  const { inputs, outputs } = tensorsOf(card);
  const served = versions.size > 0 ? [...versions.keys()] : [version];
  return { name, versions: served, platform: engine, inputs, outputs };
}
