/**
 * Who may ask at all: the key of every request, checked before anything else is.
 *
 * What is not known to be open needs a key, even where there is nothing.
 * Invariant: a handler behind it knows its caller.
 *
 * @module
 */
import { matchedRoutes } from "hono/route";
import type { MiddlewareHandler } from "hono/types";
import type { Quotas } from "../../shared/quota.ts";
import { problemResponse } from "../problem.ts";
import { Caller } from "./caller.ts";
import type { KeyRing } from "./key_ring.ts";
import { rateLimit, rateLimitPolicy } from "./rate_limit.ts";

/** What handlers find in their context. */
export interface Authenticated {
  readonly Variables: { readonly caller: Caller };
}

/** RFC 6750, section 2.1. */
const BEARER = /^Bearer +([\w.~+/-]+=*)$/i;

export interface AuthenticationParts {
  /** The API keys; without them, whoever reaches the gateway may all. */
  readonly keys: Pick<KeyRing, "find"> | undefined;
  readonly quotas: Quotas;
}

/** Finds out who asks; undefined where that takes a key, and none that is known was sent. */
export function callerOf(
  { keys, quotas }: AuthenticationParts,
  authorization: string | null,
): Caller | undefined {
  if (keys === undefined) return new Caller();
  const key = keys.find(BEARER.exec(authorization ?? "")?.[1] ?? "");
  return key && new Caller(key, quotas);
}

/**
 * Finds out who asks, or refuses; tells those who have a quota what is left of it.
 *
 * @param openPaths what anybody may ask, as the router writes it: none of it tells of photos, jobs
 * or keys
 */
export function authentication(
  parts: AuthenticationParts,
  openPaths: readonly string[],
): MiddlewareHandler<Authenticated> {
  const open = new Set(openPaths);
  return async (c, next) => {
    const isOpen = () => matchedRoutes(c).some(({ path }) => open.has(path));
    if (parts.keys !== undefined && isOpen()) return await next();
    const header = c.req.raw.headers.get("authorization");
    const caller = callerOf(parts, header);
    if (caller === undefined) {
      return header === null
        ? unauthorized('an API key is needed: send "Authorization: Bearer KEY"')
        : unauthorized("the API key is not known", 'error="invalid_token"');
    }
    c.set("caller", caller);
    await next();
    const { quota, quotaState } = caller;
    if (quota === undefined) return;
    const { headers } = c.res;
    headers.set("RateLimit-Policy", rateLimitPolicy(quota));
    if (quotaState !== undefined) headers.set("RateLimit", rateLimit(quota, quotaState));
  };
}

function unauthorized(detail: string, ...attributes: readonly string[]): Response {
  const challenge = `Bearer ${['realm="weir"', ...attributes].join(", ")}`;
  return problemResponse({ code: "unauthorized", detail }, { "www-authenticate": challenge });
}

/** Lets administrators pass. */
export const administratorsOnly: MiddlewareHandler<Authenticated> = async (c, next) => {
  if (c.get("caller").isAdmin) return await next();
  return problemResponse({ code: "forbidden", detail: "the API key's role is not admin" });
};
