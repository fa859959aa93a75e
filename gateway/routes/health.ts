/**
 * Health: what a load balancer or a supervisor asks.
 *
 * @module
 */
import { z } from "zod";
import type { Catalog } from "../catalog.ts";
import { json, type Route, route, type RouteGroup } from "../route.ts";

export interface HealthParts {
  readonly catalog: Catalog;
  readonly draining: () => boolean;
}

const ReadinessSchema = z.object({
  ready: z.boolean().meta({ description: "Whether requests should be sent here" }),
  redis: z.boolean().meta({ description: "Whether Redis answers" }),
  worker: z.boolean().meta({ description: "Whether a warm worker serves the default model" }),
}).meta({ id: "Readiness" });

export function healthRoutes(parts: HealthParts): RouteGroup {
  const alive = route({
    method: "GET",
    access: "anyone",
    path: "/healthz",
    id: "isAlive",
    summary: "Say whether the process lives",
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

function ready({ catalog, draining }: HealthParts): Route {
  return route({
    method: "GET",
    access: "anyone",
    path: "/readyz",
    id: "isReady",
    summary: "Say whether requests can be served",
    answers: {
      200: json("They can", ReadinessSchema),
      503: json("They cannot", ReadinessSchema, z.object({ "Retry-After": z.int() })),
    },
    problems: [],
    handle: async () => {
      const models = await catalog.read().catch(() => undefined);
      const worker = models?.some(({ card, workers }) => card.default && workers > 0) ?? false;
      const ready = worker && !draining();
      return Response.json({ ready, redis: models !== undefined, worker }, {
        status: ready ? 200 : 503,
        ...(!ready && { headers: { "retry-after": "1" } }),
      });
    },
  });
}
