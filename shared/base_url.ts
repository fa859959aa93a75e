/**
 * Addresses of HTTP servers.
 *
 * @module
 */

/** The URL of a server's root, without a slash at its end. */
export function baseUrl(hostname: string, port: number): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
