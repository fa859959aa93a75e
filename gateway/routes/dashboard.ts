/**
 * What the dashboard is told: a stream of what the deployment is doing.
 *
 * @module
 */
import type { Dashboard } from "../dashboard/dashboard.ts";
import type { EventStreams } from "../events/event_streams.ts";
import { route, type RouteGroup } from "../route.ts";

export interface DashboardRoutesParts {
  readonly dashboard: Dashboard;
  readonly streams: EventStreams;
}

export function dashboardRoutes({ dashboard, streams }: DashboardRoutesParts): RouteGroup {
  const watch = route({
    method: "GET",
    access: "admin",
    path: "/admin/dashboard",
    id: "watchDeployment",
    summary: "Watch what the deployment is doing",
    description:
      "Server-Sent Events that never end: `points` (data: ten seconds each, first those of the " +
      "last hour in which anything happened, then each as it ends) and every 2 s `view` (data: " +
      "the state now). However many clients watch, Redis is read once for all of them.",
    answers: {
      200: { description: "The events", content: { "text/event-stream": {} } },
    },
    problems: ["at_capacity"],
    handle: ({ request }) => streams.respond(request, dashboard.watch()),
  });
  return { name: "Dashboard", description: "For those who watch a deployment.", routes: [watch] };
}
