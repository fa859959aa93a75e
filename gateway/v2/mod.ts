/**
 * The Open Inference Protocol, version 2 (REST), as clients of Triton speak it.
 *
 * Owns the paths under `/v2`. Never does what the rest of the gateway does: it translates.
 *
 * @module
 */
import type { RouteGroup } from "../route.ts";
import type { HealthParts } from "../routes/health.ts";
import { type InferParts, inferRoutes } from "./infer.ts";
import { modelRoutes } from "./models.ts";
import { serverRoutes } from "./server.ts";

export function inferenceRoutes(parts: InferParts & HealthParts): RouteGroup {
  return {
    name: "Inference",
    description: "The Open Inference Protocol, version 2, for clients of Triton and KServe.",
    routes: [...serverRoutes(parts), ...modelRoutes(parts.catalog), ...inferRoutes(parts)],
  };
}
