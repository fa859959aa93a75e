/**
 * Requests that are to become WebSockets: asked of the application as any other, then upgraded.
 *
 * Owns the handshake, and how a client that can send no headers, as a browser's `WebSocket` cannot,
 * sends its API key: as a subprotocol `weir.key.KEY` beside `weir`. Never puts a key into an answer.
 * Invariant: only what a handler has accepted is upgraded, or what comes without a key that is
 * known: a browser is shown no status, so its socket is opened to be closed with 1008.
 *
 * @module
 */
import type { Handler } from "../../shared/listen.ts";
import { problemResponse } from "../problem.ts";

/** Path of the one route that is a WebSocket. */
export const SOCKET_PATH = "/v1/socket";

/** The subprotocol of whoever names any. */
const PROTOCOL = "weir";

/** What stands before the API key in the name of a subprotocol. */
const KEY_PREFIX = "weir.key.";

/** Half of it without a word from the client, and it is sent a ping; all of it, and it is gone. */
const SILENCE_SECONDS = 30;

/** Codes of RFC 6455, section 7.4.1. */
export const CLOSE = { normal: 1000, goingAway: 1001, policy: 1008, tooBig: 1009 } as const;

/** Takes a socket that is about to open. */
export type Welcome = (socket: WebSocket) => void;

export class Upgrades {
  /** Requests under way that may be upgraded, and what became of them. */
  readonly #offered = new WeakMap<Request, { welcome?: Welcome }>();

  /**
   * Accepts a request, which is upgraded once it is answered.
   *
   * @returns the answer, or undefined where the request is not to become a WebSocket
   */
  accept(request: Request, welcome: Welcome): Response | undefined {
    const offer = this.#offered.get(request);
    if (offer === undefined) return undefined;
    offer.welcome = welcome;
    // Stands for a 101, which only an upgrade makes: its headers go there.
    return new Response(null);
  }

  /** Makes a handler of all requests, of an application that knows none of upgrades. */
  handler(app: Handler): Handler {
    return (request) => isUpgrade(request) ? this.#upgrade(request, app) : app(request);
  }

  async #upgrade(request: Request, app: Handler): Promise<Response> {
    const { headers, protocol } = handshakeOf(request);
    const asked = new Request(request.url, { headers, signal: request.signal });
    const offer: { welcome?: Welcome } = {};
    this.#offered.set(asked, offer);
    const answer = await app(asked);
    const { welcome = answer.status === 401 ? closeUnknown : undefined } = offer;
    if (welcome === undefined) return answer;
    try {
      const options = { idleTimeout: SILENCE_SECONDS, ...(protocol !== undefined && { protocol }) };
      const { socket, response } = Deno.upgradeWebSocket(request, options);
      for (const [name, value] of offer.welcome === undefined ? [] : answer.headers) {
        response.headers.set(name, value);
      }
      welcome(socket);
      return response;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return problemResponse({
        code: "invalid_request",
        detail: "the WebSocket handshake is malformed",
      });
    }
  }
}

function isUpgrade({ headers, url }: Request): boolean {
  return headers.get("upgrade")?.toLowerCase() === "websocket" &&
    URL.parse(url)?.pathname === SOCKET_PATH;
}

/** A handshake's headers, an API key moved to where all other clients put it. */
function handshakeOf(request: Request): { headers: Headers; protocol: string | undefined } {
  const headers = new Headers(request.headers);
  const offered = (headers.get("sec-websocket-protocol") ?? "").split(",").map((p) => p.trim());
  headers.delete("sec-websocket-protocol");
  const key = offered.find((name) => name.startsWith(KEY_PREFIX))?.slice(KEY_PREFIX.length);
  if (key !== undefined && !headers.has("authorization")) {
    headers.set("authorization", `Bearer ${key}`);
  }
  return { headers, protocol: offered.includes(PROTOCOL) ? PROTOCOL : undefined };
}

function closeUnknown(socket: WebSocket): void {
  socket.onopen = () => socket.close(CLOSE.policy, "no known API key");
}
