/**
 * A page's client of the gateway, and a server on loopback that answers as a test says.
 *
 * @module
 */
import { type ClientParts, GatewayClient } from "../gateway_client.ts";

export const JOB_ID = "0-5f8a3a9e-3c07-4c0e-9d3c-2f1f7c1f6b52";

/** A request as the server saw it. */
export interface Asked {
  /** Verb and path. */
  readonly what: string;
  readonly headers: Headers;
}

export interface OpenClient extends AsyncDisposable {
  readonly client: GatewayClient;
  /** Requests, in order. */
  readonly asked: readonly Asked[];
  /** Signs that a key is wanted. */
  readonly wanted: readonly string[];
}

/** Opens a client of a server that answers by itself. */
export function openClient(
  answer: (asked: Asked, index: number) => Response | Promise<Response>,
  parts: Partial<ClientParts> = {},
): OpenClient {
  const asked: Asked[] = [];
  const wanted: string[] = [];
  const silent = { hostname: "127.0.0.1", port: 0, onListen: () => undefined };
  const server = Deno.serve(silent, async (request) => {
    const { method, url, headers } = request;
    const it = { what: `${method} ${new URL(url).pathname}`, headers: new Headers(headers) };
    const index = asked.push(it) - 1;
    await request.arrayBuffer();
    return await answer(it, index);
  });
  const kept = new Map<string, string>();
  const client = new GatewayClient({
    base: `http://127.0.0.1:${server.addr.port}/`,
    storage: {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => void kept.set(name, value),
      removeItem: (name) => void kept.delete(name),
    },
    pause: (_, signal) => Promise.resolve(signal.throwIfAborted()),
    keyWanted: () => void wanted.push("key"),
    ...parts,
  });
  return { client, asked, wanted, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** An event as a stream has it. */
export function event(id: number, name: string, data: unknown = {}): string {
  return `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A problem as the gateway answers it. */
export function problem(status: number, detail: string): Response {
  const headers = { "content-type": "application/problem+json" };
  return new Response(JSON.stringify({ detail }), { status, headers });
}
