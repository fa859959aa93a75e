/**
 * A worker's answers to those who watch it: `/metrics`, `/healthz`, `/readyz`.
 *
 * Owns the port. Never takes anything in, and tells of no photo, job or key.
 * Invariant: it answers as long as the process lives, the time of loading and draining included.
 *
 * @module
 */
import type { Registry } from "prom-client";
import { listen, type ListenOptions } from "../shared/listen.ts";

export interface StatusServerParts extends Omit<ListenOptions, "reusePort"> {
  readonly metrics: Registry;
  /** Why the worker takes no jobs now; undefined where it does. */
  readonly whyNotReady: () => string | undefined;
}

export class StatusServer implements AsyncDisposable {
  readonly #parts: StatusServerParts;
  readonly #server: Deno.HttpServer;

  /** @throws {ListenError} */
  constructor(parts: StatusServerParts) {
    this.#parts = parts;
    this.#server = listen(parts, (request) => this.#answer(request));
  }

  async #answer({ method, url }: Request): Promise<Response> {
    const { metrics, whyNotReady } = this.#parts;
    const { pathname } = new URL(url);
    if (!PATHS.has(pathname)) return new Response(null, { status: 404 });
    if (method !== "GET" && method !== "HEAD") {
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    }
    if (pathname === "/metrics") {
      const headers = { "content-type": metrics.contentType };
      return new Response(await metrics.metrics(), { headers });
    }
    if (pathname === "/healthz") return Response.json({ alive: true });
    const reason = whyNotReady();
    if (reason === undefined) return Response.json({ ready: true });
    return Response.json({ ready: false, reason }, { status: 503 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

const PATHS: ReadonlySet<string> = new Set(["/metrics", "/healthz", "/readyz"]);
