/**
 * The gateway's port: opened, left in good order, closed.
 *
 * Owns the order of leaving: who sends requests is told first and served on, then nothing new is
 * accepted, and what is under way is answered. Never looks into a request.
 *
 * @module
 */
import type { Config } from "../shared/config.ts";
import { type Handler, listen } from "../shared/listen.ts";
import type { Log } from "../shared/log.ts";
import { untilAborted } from "../shared/or_aborted.ts";
import type { Stop } from "../shared/stop.ts";

export interface ServerParts {
  readonly config: Config;
  /** Whether others of the same user may listen at its port too. */
  readonly sharePort?: boolean;
  readonly handler: Handler;
  /** Resolves when, in draining, no socket is left: shutting down would cut them off. */
  readonly drained: Promise<void>;
  readonly log: Log;
}

/**
 * Listens until it is to drain; then requests under way are answered, or cut off by `giveUp`.
 *
 * @throws {ListenError}
 */
export async function serve(parts: ServerParts, { leave, drain, giveUp }: Stop): Promise<void> {
  const { config, sharePort, handler, drained, log } = parts;
  const server = listen({
    hostname: config.WEIR_HOST,
    port: config.WEIR_PORT,
    reusePort: sharePort ?? false,
    onListen: (url) => log.info("gateway ready", { url }),
  }, endingConnections(handler, leave));
  await untilAborted(leave);
  if (!drain.aborted) log.info("gateway leaving", { drainsInMs: config.WEIR_DRAIN_DELAY_MS });
  await untilAborted(drain);
  log.info("gateway draining");
  const ended = drained.then(() => server.shutdown());
  // Given to the server, the second signal would close what the shutdown has closed already.
  await Promise.race([ended, untilAborted(giveUp)]);
}

/** From `leave` on, has every answer tell its client to send no more on the same connection. */
function endingConnections(handler: Handler, leave: AbortSignal): Handler {
  return async (request) => {
    const response = await handler(request);
    // An upgrade has a use of its own for the header.
    if (leave.aborted && response.status !== 101) response.headers.set("Connection", "close");
    return response;
  };
}
