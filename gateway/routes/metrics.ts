/**
 * Metrics: what a monitoring system scrapes.
 *
 * @module
 */
import type { Registry } from "prom-client";
import { route, type RouteGroup } from "../route.ts";

export function metricsRoutes(metrics: Registry): RouteGroup {
  const scrape = route({
    method: "GET",
    access: "anyone",
    path: "/metrics",
    id: "getMetrics",
    summary: "Get the gateway's metrics in Prometheus' text format",
    answers: { 200: { description: "The metrics", content: { [metrics.contentType]: {} } } },
    problems: [],
    handle: async () =>
      new Response(await metrics.metrics(), { headers: { "content-type": metrics.contentType } }),
  });
  return { name: "Metrics", description: "For monitoring.", routes: [scrape] };
}
