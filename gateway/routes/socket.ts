/**
 * Images over a WebSocket.
 *
 * @module
 */
import { type AuthenticationParts, callerOf } from "../keys/authentication.ts";
import type { Jobs } from "../jobs.ts";
import { SUBMIT_QUERY } from "../parameters.ts";
import { AT_CAPACITY, fault, problemResponse } from "../problem.ts";
import { route, type RouteGroup } from "../route.ts";
import { isWelcomeOrigin } from "../socket/origin.ts";
import { IN_FLIGHT_MAX, type Sockets } from "../socket/sockets.ts";
import { SOCKET_PATH, type Upgrades } from "../socket/upgrades.ts";
import type { Submitter } from "../submitter.ts";

export interface SocketRoutesParts extends AuthenticationParts {
  readonly jobs: Jobs;
  readonly submitter: Submitter;
  readonly sockets: Sockets;
  readonly upgrades: Upgrades;
  /** `WEIR_CORS_ORIGINS`. */
  readonly corsOrigins: readonly string[];
  /** While true, nothing new is taken. */
  readonly draining: () => boolean;
}

const DESCRIPTION = [
  "Each binary message is an image and becomes a job of its own, under the same checks and quotas",
  'as a request. Replies are JSON: `{"type", "seq", "id", …}`, in which `seq` counts the client\'s',
  "images from 1 on. First comes `accepted` (with `window`: how many more may be sent) or `error`",
  "(with a problem's `title`, `status`, `code`, `detail`, and `retryAfter` in seconds); then come",
  "the job's events, as from `GET /v1/jobs/{id}/events`, with the members of their data beside",
  `these. At most ${IN_FLIGHT_MAX} images may be in flight: one more is refused as \`at_capacity\`. A`,
  "client that leaves cancels nothing. The socket is closed with 1000 after 5 minutes without an",
  "image, with 1001 when the gateway stops, with 1008 for an API key that is not known or a client",
  "that does not read, and with 1009 for an image that is too large. A browser sends its API key",
  "as a subprotocol: `weir.key.KEY` beside `weir`.",
].join(" ");

export function socketRoutes(parts: SocketRoutesParts): RouteGroup {
  const { jobs, submitter, sockets, upgrades, corsOrigins, draining } = parts;
  const open = route({
    method: "GET",
    path: SOCKET_PATH,
    id: "openSocket",
    summary: "Send images and get answers over one WebSocket",
    description: DESCRIPTION,
    query: SUBMIT_QUERY,
    answers: { 101: { description: "The socket is open" } },
    problems: ["invalid_request", "forbidden", "at_capacity"],
    handle: ({ request, query }) => {
      if (!isWelcomeOrigin(request, corsOrigins)) {
        return problemResponse(
          fault("forbidden", "pages of this origin may not open a socket here"),
        );
      }
      if (draining() || sockets.isFull) return problemResponse(AT_CAPACITY);
      const authorization = request.headers.get("authorization");
      const sending = {
        jobs,
        submitter,
        parameters: {
          model: query.model,
          top: query.top,
          timeoutMs: undefined,
          traceparent: undefined,
          idempotencyKey: undefined,
        },
        caller: () => callerOf(parts, authorization),
      };
      return upgrades.accept(request, (socket) => sockets.welcome(socket, sending)) ??
        problemResponse(
          fault("invalid_request", "this path opens a WebSocket: send Upgrade: websocket"),
        );
    },
  });
  return { name: "Socket", description: "Many images over one connection.", routes: [open] };
}
