/**
 * Problems as clients of the Open Inference Protocol read them: with an `error` besides.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono/types";
import { PROBLEM_TYPE } from "../problem.ts";

/** Adds to every problem its detail as `error`. */
export const problemsWithError: MiddlewareHandler = async (c, next) => {
  await next();
  if (c.res.headers.get("content-type") !== PROBLEM_TYPE) return;
  const problem = await c.res.json();
  c.res = Response.json({ ...problem, error: problem.detail }, c.res);
};
