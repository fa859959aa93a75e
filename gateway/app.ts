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
import { secureHeaders } from "hono/secure-headers";
import type { Handler } from "hono/types";
import { BrokerUnavailable } from "../shared/broker.ts";
import type { Log } from "../shared/log.ts";
import { administratorsOnly, type Authenticated, authentication } from "./keys/authentication.ts";
import type { KeyRing } from "./keys/key_ring.ts";
import type { Page } from "./page.ts";
import { AT_CAPACITY, BUSY, problemResponse } from "./problem.ts";
import { Dead, type DeadParts } from "./routes/dead.ts";
import { Reading, type ReadingParts } from "./routes/reading.ts";
import { Submitting, type SubmittingParts } from "./routes/submitting.ts";

export interface AppParts extends SubmittingParts, ReadingParts, DeadParts {
  readonly page: Page;
  /** The API keys; without them, whoever reaches the gateway may all. */
  readonly keys: Pick<KeyRing, "find"> | undefined;
  /** `WEIR_CORS_ORIGINS`. */
  readonly corsOrigins: readonly string[];
  readonly log: Log;
}

/** The page runs its own script and style, and shows photos that the browser itself holds. */
const PAGE_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", "blob:", "data:"],
  connectSrc: ["'self'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
};

/** What a page of another origin may read besides the few headers that any may. */
const EXPOSED_HEADERS = ["Location", "Retry-After", "X-Request-Id"];

/** Makes the application; it is a function from request to response, without a port. */
export function createApp(parts: AppParts): Hono<Authenticated> {
  const { log, corsOrigins, page, keys } = parts;
  const app = new Hono<Authenticated>();
  app.use(requestId(), async (c, next) => {
    await next();
    // The library's own header is lost where a handler makes its response itself.
    c.header("X-Request-Id", c.get("requestId"));
  });
  app.use(secureHeaders({ contentSecurityPolicy: PAGE_POLICY }));
  if (corsOrigins.length > 0) {
    app.use(cors({ origin: [...corsOrigins], exposeHeaders: EXPOSED_HEADERS }));
  }
  app.use(authentication(keys, page.files.map(({ path }) => path)));
  const submitting = new Submitting(parts);
  const reading = new Reading(parts);

  route(app, "/predict", { POST: (c) => submitting.predict(c.req.raw, c.get("caller")) });
  route(app, "/v1/jobs", { POST: (c) => submitting.create(c.req.raw, c.get("caller")) });
  route(app, "/v1/jobs/:id", {
    GET: (c) => reading.job(c.req.raw, c.req.param("id"), c.get("caller")),
    DELETE: (c) => reading.cancel(c.req.param("id"), c.get("caller")),
  });
  route(app, "/v1/models", { GET: () => reading.models() });
  route(app, "/v1/models/:name", { GET: (c) => reading.model(c.req.param("name")) });
  route(app, "/healthz", { GET: (c) => c.json({ alive: true }) });
  route(app, "/readyz", { GET: () => reading.ready() });
  administration(app, new Dead(parts));
  for (const { path, content, headers } of page.files) {
    route(app, path, { GET: () => new Response(content, { headers }) });
  }

  app.notFound((c) =>
    problemResponse({ code: "not_found", detail: `nothing is served at ${c.req.path}` })
  );
  app.onError((error, c) => {
    if (error instanceof BrokerUnavailable) return brokerProblem(error, log);
    log.error("request failed", {
      method: c.req.method,
      path: c.req.path,
      request: c.get("requestId"),
      error: error.stack ?? String(error),
    });
    return problemResponse({ code: "internal_error", detail: "the fault is ours, and logged" });
  });
  return app;
}

/** The routes for administrators alone. */
function administration(app: Hono<Authenticated>, dead: Dead): void {
  app.use("/admin/*", administratorsOnly);
  route(app, "/admin/dead", { GET: (c) => dead.list(c.req.raw) });
  route(app, "/admin/dead/:id", { DELETE: (c) => dead.discard(c.req.param("id")) });
  route(app, "/admin/dead/:id/replay", {
    POST: (c) => dead.replay(c.req.raw, c.req.param("id"), c.get("caller")),
  });
}

/** Adds a path with its verbs; any other verb is answered with those that there are. */
function route<P extends string>(
  app: Hono<Authenticated>,
  path: P,
  verbs: Partial<Record<"GET" | "POST" | "DELETE", Handler<Authenticated, P>>>,
): void {
  for (const [verb, handler] of Object.entries(verbs)) app.on(verb, path, handler);
  const allow = Object.keys(verbs).join(", ");
  app.all(path, (c) => {
    const detail = `${c.req.method} is not served here, ${allow} is`;
    return problemResponse({ code: "method_not_allowed", detail }, { allow });
  });
}

function brokerProblem(error: BrokerUnavailable, log: Log): Response {
  if (error.reason === "full") {
    log.error("redis refuses to take more, this is critical", { error: error.message });
    return problemResponse(AT_CAPACITY);
  }
  log.warn("redis is away", { error: error.message });
  return problemResponse(BUSY);
}
