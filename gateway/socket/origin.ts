/**
 * Which page may open a socket: browsers let any page open one anywhere, and tell whose it is.
 *
 * @module
 */

/**
 * Says whether a request comes from a page of ours, a page on the allow-list, or no page at all.
 *
 * The scheme is not compared: a proxy in front may be the one that speaks TLS.
 *
 * @param allowed `WEIR_CORS_ORIGINS`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isWelcomeOrigin } from "./origin.ts";
 *
 * const headers = { origin: "https://evil.example" };
 * assert(!isWelcomeOrigin(new Request("http://weir.example/v1/socket", { headers }), []));
 * ```
 */
export function isWelcomeOrigin({ headers, url }: Request, allowed: readonly string[]): boolean {
  const origin = headers.get("origin");
  if (origin === null || allowed.includes(origin)) return true;
  return URL.parse(origin)?.host === new URL(url).host;
}
