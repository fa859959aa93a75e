/**
 * How many requests were answered, how, and how soon; and what those under way have sent.
 *
 * Owns the labels, each from a list that no client can make longer. Changes no answer.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono/types";
import { matchedRoutes } from "hono/route";
import { Counter, Histogram, type Registry } from "prom-client";
import type { Clock } from "../shared/clock.ts";
import { gauge, SECONDS_BUCKETS } from "../shared/metrics.ts";
import { PROBLEM_TYPE } from "./problem.ts";

/** Verbs that are told apart. */
const METHODS = new Set(["GET", "HEAD", "POST", "DELETE", "OPTIONS"]);

/** Stands for every path, and every verb, that is none of ours. */
const OTHER = "other";

/**
 * Measures requests until their answers begin, a stream's too.
 *
 * @param paths of all routes, as the router writes them
 */
export function requestMetrics(
  registry: Registry,
  paths: readonly string[],
  clock: Pick<Clock, "now">,
): MiddlewareHandler {
  const known = new Set(paths);
  const requests = new Counter({
    name: "weir_http_requests_total",
    help: "Requests answered, by route, method, status, and problem code if there is one",
    labelNames: ["route", "method", "status", "code"] as const,
    registers: [registry],
  });
  const seconds = new Histogram({
    name: "weir_http_request_seconds",
    help: "Time from a request's headers to the beginning of its answer, by route",
    labelNames: ["route"] as const,
    buckets: [...SECONDS_BUCKETS],
    registers: [registry],
  });
  let bodyBytes = 0;
  gauge(
    registry,
    "weir_http_body_bytes",
    "Body bytes of the requests under way, as far as their headers declare them",
    () => bodyBytes,
  );
  return async (c, next) => {
    const began = clock.now();
    const declared = Number(c.req.header("content-length")) || 0;
    bodyBytes += declared;
    try {
      await next();
    } finally {
      bodyBytes -= declared;
    }
    const { method } = c.req;
    const route = matchedRoutes(c).find(({ path }) => known.has(path))?.path ?? OTHER;
    seconds.observe({ route }, (clock.now() - began) / 1000);
    requests.inc({
      route,
      method: METHODS.has(method) ? method : OTHER,
      status: c.res.status,
      code: await problemCode(c.res),
    });
  };
}

/** The code of the table; nothing where the answer is no problem. */
async function problemCode(response: Response): Promise<string> {
  if (response.headers.get("content-type") !== PROBLEM_TYPE) return "";
  return (await response.clone().json()).code;
}
