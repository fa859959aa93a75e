/**
 * How many requests were answered, and how.
 *
 * Owns the counter's labels, each from a list that no client can make longer. Changes no answer.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono/types";
import { matchedRoutes } from "hono/route";
import { Counter, type Registry } from "prom-client";
import { PROBLEM_TYPE } from "./problem.ts";

/** Verbs that are told apart. */
const METHODS = new Set(["GET", "HEAD", "POST", "DELETE", "OPTIONS"]);

/** Stands for every path, and every verb, that is none of ours. */
const OTHER = "other";

/**
 * Counts answers when they begin, a stream's too.
 *
 * @param paths of all routes, as the router writes them
 */
export function requestCount(registry: Registry, paths: readonly string[]): MiddlewareHandler {
  const known = new Set(paths);
  const requests = new Counter({
    name: "weir_http_requests_total",
    help: "Requests answered, by route, verb, status, and code of the problem where it is one",
    labelNames: ["route", "method", "status", "code"] as const,
    registers: [registry],
  });
  return async (c, next) => {
    await next();
    const { method } = c.req;
    requests.inc({
      route: matchedRoutes(c).find(({ path }) => known.has(path))?.path ?? OTHER,
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
