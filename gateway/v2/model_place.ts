/**
 * Where the Open Inference Protocol has a model: under its name, or under its name and version.
 *
 * Several versions may be served side by side. One that is named has to be served by every worker,
 * as nobody knows which will take the request.
 *
 * @module
 */
import type { z } from "zod";
import type { Fault } from "../../shared/errors.ts";
import type { ModelCard } from "../../shared/model_card.ts";
import { ModelName } from "../parameters.ts";
import type { Catalog } from "../catalog.ts";
import { fault } from "../problem.ts";
import type { Route } from "../route.ts";

/** Parameters in a model's path. */
type Params = {
  readonly name: z.ZodType<string, string>;
  /** Gives nothing where the path has no version. */
  readonly version: z.ZodType<string | undefined, string>;
};

const NAMED = { name: ModelName };
const VERSIONED = {
  name: ModelName,
  version: ModelName.meta({ description: "A version that is served" }),
};

/** A model's path, and what is said of it there. */
export interface ModelPlace {
  readonly path: string;
  /** Distinguishes the ids of routes. */
  readonly suffix: "" | "Version";
  readonly params: Params;
}

const PLACES: readonly ModelPlace[] = [
  { path: "/v2/models/:name", suffix: "", params: NAMED as Partial<Params> as Params },
  { path: "/v2/models/:name/versions/:version", suffix: "Version", params: VERSIONED },
];

/** Makes a route of models twice: with the version, and without. */
export function atModel(make: (place: ModelPlace) => Route): Route[] {
  return PLACES.map(make);
}

/** What is wrong with a version that a request wants; nothing where it wants none. */
export async function wrongVersion(
  catalog: Catalog,
  { name }: ModelCard,
  version: string | undefined,
): Promise<Fault | undefined> {
  if (version === undefined) return undefined;
  switch (await catalog.spread(name, version)) {
    case "all":
      return undefined;
    case "some":
      return fault("busy", `not every worker serves version "${version}" of model "${name}"`);
    case "none":
      return fault("not_found", `no version "${version}" of model "${name}" is served`);
  }
}
