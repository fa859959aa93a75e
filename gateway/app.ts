/**
 * The HTTP surface: which path and verb leads where.
 *
 * Owns the routes and what surrounds each of them. Never speaks to Redis.
 * Invariant: every answer that is no success is a problem of the table.
 *
 * @module
 */
import { Hono } from "hono";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import type { Registry } from "prom-client";
import { BrokerUnavailable } from "../shared/broker.ts";
import type { Log } from "../shared/log.ts";
import type { Tracing } from "../shared/tracing.ts";
import { brokerRefusal } from "./broker_refusal.ts";
import { browserHeaders } from "./browser_headers.ts";
import type { EventStreams } from "./events/event_streams.ts";
import type { Stories } from "./explain/stories.ts";
import {
  administratorsOnly,
  type Authenticated,
  authentication,
  type AuthenticationParts,
} from "./keys/authentication.ts";
import { headFault } from "./intake/head.ts";
import type { PageFiles } from "./page.ts";
import { fault, problemResponse } from "./problem.ts";
import { requestMetrics } from "./request_metrics.ts";
import { mount, type RouteGroup } from "./route.ts";
import { dashboardRoutes, type DashboardRoutesParts } from "./routes/dashboard.ts";
import { type DeadParts, deadRoutes } from "./routes/dead.ts";
import { documentationRoutes } from "./routes/documentation.ts";
import { type HealthParts, healthRoutes } from "./routes/health.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { modelRoutes, type ModelsParts } from "./routes/models.ts";
import { pageRoutes } from "./routes/pages.ts";
import { predictRoutes } from "./routes/predict.ts";
import { socketRoutes, type SocketRoutesParts } from "./routes/socket.ts";
import { Submitter, type SubmitterParts } from "./submitter.ts";
import { inferenceRoutes } from "./v2/mod.ts";
import { problemsWithError } from "./v2/problems_with_error.ts";

export interface AppParts
  extends
    SubmitterParts,
    ModelsParts,
    DeadParts,
    DashboardRoutesParts,
    HealthParts,
    AuthenticationParts,
    Omit<SocketRoutesParts, "submitter"> {
  readonly pageFiles: PageFiles;
  readonly streams: EventStreams;
  readonly stories: Stories;
  readonly metrics: Registry;
  readonly tracing: Tracing;
  readonly log: Log;
}

/** What a page of another origin may send and read, besides what any may. */
const CROSS_ORIGIN = {
  allowMethods: ["GET", "POST", "DELETE"],
  allowHeaders: [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Inference-Header-Content-Length",
    "Last-Event-ID",
    "Prefer",
    "X-Request-Id",
    "X-Request-Timeout-Ms",
    "traceparent",
  ],
  exposeHeaders: [
    "Inference-Header-Content-Length",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Job-Id",
    "X-Request-Id",
    "traceresponse",
  ],
  /** How long a browser need not ask again, in seconds. */
  maxAge: 3600,
};

/** Makes the application; it is a function from request to response, without a port. */
export function createApp(parts: AppParts): Hono<Authenticated> {
  const { tracing, log, corsOrigins } = parts;
  const routes = routeGroups(parts).flatMap(({ routes }) => routes);
  const app = new Hono<Authenticated>();
  app.use(requestMetrics(parts.metrics, routes.map(({ path }) => path), parts.clock));
  app.use(requestId(), async (c, next) => {
    await next();
    // The library's own header is lost where a handler makes its response itself; `c.header` would
    // make that once more, with a stream for its body.
    const { headers } = c.res;
    headers.set("X-Request-Id", c.get("requestId"));
    const { traceparent } = tracing;
    if (traceparent !== undefined) headers.set("traceresponse", traceparent);
  });
  app.use("/v2/*", problemsWithError);
  app.use(browserHeaders());
  app.use(async (c, next) => {
    const fault = headFault(c.req.raw);
    return fault === undefined ? await next() : problemResponse(fault);
  });
  if (corsOrigins.length > 0) {
    app.use(cors({ origin: [...corsOrigins], ...CROSS_ORIGIN }));
  }
  const open = routes.filter(({ access }) => access === "anyone");
  app.use(authentication(parts, open.map(({ path }) => path)));
  app.use("/admin/*", administratorsOnly);
  mount(app, routes, tracing);

  app.notFound((c) => problemResponse(fault("not_found", `nothing is served at ${c.req.path}`)));
  app.onError((error, c) => {
    if (error instanceof BrokerUnavailable) return problemResponse(brokerRefusal(error, log));
    log.error("request failed", {
      method: c.req.method,
      path: c.req.path,
      request: c.get("requestId"),
      error: error.stack ?? String(error),
    });
    return problemResponse(fault("internal_error"));
  });
  return app;
}

/** What is served, in the order in which it is described. */
function routeGroups(parts: AppParts): RouteGroup[] {
  const submitter = new Submitter(parts);
  const groups: RouteGroup[] = [
    predictRoutes({ ...parts, submitter }),
    jobRoutes({ ...parts, submitter }),
    socketRoutes({ ...parts, submitter }),
    modelRoutes(parts),
    healthRoutes(parts),
    metricsRoutes(parts.metrics),
    inferenceRoutes({ ...parts, submitter }),
    deadRoutes(parts),
    dashboardRoutes(parts),
    pageRoutes(parts.pageFiles),
    documentationRoutes(() => groups),
  ];
  return groups;
}
