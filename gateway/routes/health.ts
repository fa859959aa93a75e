/**
 * Health: what a load balancer or a supervisor asks.
 *
 * @module
 */
import { z } from "zod";
import type { Fault } from "../../shared/errors.ts";
import type { Catalog } from "../catalog.ts";
import { fault, problemResponse, REDIS_PROBLEMS } from "../problem.ts";
import { json, type Route, route, type RouteGroup } from "../route.ts";

export interface HealthParts {
  readonly catalog: Catalog;
  /** Whether the gateway is about to stop: it serves on for a while, but is to be sent nothing. */
  readonly leaving: () => boolean;
}

export function healthRoutes(parts: HealthParts): RouteGroup {
  const alive = route({
    method: "GET",
    access: "anyone",
    path: "/healthz",
    id: "isAlive",
    summary: "Say whether the process is alive",
    answers: { 200: json("It does", z.object({ alive: z.literal(true) })) },
    problems: [],
    handle: () => Response.json({ alive: true }),
  });
  return {
    name: "Health",
    description: "For load balancers and supervisors.",
    routes: [alive, ready(parts)],
  };
}

function ready(parts: HealthParts): Route {
  return route({
    method: "GET",
    access: "anyone",
    path: "/readyz",
    id: "isReady",
    summary: "Say whether requests can be served",
    description: "They can if Redis answers and a warm worker serves the default model.",
    answers: { 200: json("They can", z.object({ ready: z.literal(true) })) },
    problems: REDIS_PROBLEMS,
    handle: async () => {
      const why = await whyNotReady(parts);
      return why === undefined ? Response.json({ ready: true }) : problemResponse(why);
    },
  });
}

/** Why requests cannot be served now; nothing where they can. */
export async function whyNotReady(
  { catalog, leaving }: HealthParts,
): Promise<Fault | undefined> {
  if (leaving()) return fault("at_capacity", "the gateway is draining");
  const models = await catalog.read();
  if (models.some(({ card, workers }) => card.default && workers > 0)) return undefined;
  return fault("busy", "no worker serves the default model");
}
