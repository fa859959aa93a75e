/**
 * Headers that tell a browser what an answer may do.
 *
 * Owns their choice: all of them go with a page, which a browser runs. What is data gets the few
 * that matter for data, because each header costs every answer time, and an event stream memory
 * for as long as it is open.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

/** A page runs its own script and style, and shows photos that the browser itself holds. */
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

const ofPages = secureHeaders({ contentSecurityPolicy: PAGE_POLICY });

/** Its type is meant, and no page of another origin may show it as its own. */
const ofData = secureHeaders({
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  referrerPolicy: false,
  strictTransportSecurity: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xFrameOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

const done = () => Promise.resolve();

/** Adds them once the answer is known. */
export function browserHeaders(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const isPage = c.res.headers.get("content-type")?.startsWith("text/html") ?? false;
    await (isPage ? ofPages : ofData)(c, done);
  };
}
