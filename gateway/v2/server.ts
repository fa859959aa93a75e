/**
 * The server as the Open Inference Protocol sees it: who it is, and how it is.
 *
 * @module
 */
import { z } from "zod";
import { problemResponse, REDIS_PROBLEMS } from "../problem.ts";
import { json, type Route, route } from "../route.ts";
import { type HealthParts, whyNotReady } from "../routes/health.ts";
import { API_VERSION } from "../openapi.ts";

const METADATA = { name: "weir", version: API_VERSION, extensions: ["binary_tensor_data"] };

const ServerSchema = z.object({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()).meta({ description: "What is understood beyond the protocol" }),
}).meta({ id: "InferenceServer", description: "The server", examples: [METADATA] });

export function serverRoutes(parts: HealthParts): Route[] {
  const metadata = route({
    method: "GET",
    path: "/v2",
    id: "readServer",
    summary: "Describe the server",
    answers: { 200: json("The server", ServerSchema) },
    problems: [],
    handle: () => Response.json(METADATA),
  });
  const live = route({
    method: "GET",
    access: "anyone",
    path: "/v2/health/live",
    id: "isServerLive",
    summary: "Say whether the process is alive",
    answers: { 200: json("It does", z.object({ live: z.literal(true) })) },
    problems: [],
    handle: () => Response.json({ live: true }),
  });
  const ready = route({
    method: "GET",
    access: "anyone",
    path: "/v2/health/ready",
    id: "isServerReady",
    summary: "Say whether requests can be served, as `/readyz` does",
    answers: { 200: json("They can", z.object({ ready: z.literal(true) })) },
    problems: REDIS_PROBLEMS,
    handle: async () => {
      const why = await whyNotReady(parts);
      return why === undefined ? Response.json({ ready: true }) : problemResponse(why);
    },
  });
  return [metadata, live, ready];
}
