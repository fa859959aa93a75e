/**
 * Connections to Redis: how they are opened, how long they wait, how they come back.
 *
 * Two kinds. A command connection is shared, fails fast while Redis is away and reconnects by
 * itself. A blocking connection (`blocking_connection.ts`) belongs to one reader.
 * Invariant: an error that leaves this module is a {@linkcode BrokerUnavailable} or a bug.
 *
 * @module
 */
import { Redis } from "ioredis";
import { BrokerUnavailable } from "../broker.ts";
import type { Log } from "../log.ts";

/** How to reach Redis, and how patient to be. */
export interface RedisSettings {
  /** `redis://` or `rediss://` with user, password and database number. */
  readonly url: string;
  /** Shown in `CLIENT LIST`, followed by the connection's purpose. */
  readonly name: string;
  /** Bound on connecting and on each command. */
  readonly timeoutMs: number;
}

/** Longest pause between two attempts to reconnect. */
export const RECONNECT_PAUSE_MAX_MS = 1000;

/** Pause before the n-th attempt (from 1): doubles from 50 ms, half of it random. */
export function reconnectPause(attempt: number, random: () => number = Math.random): number {
  const pause = Math.min(50 * 2 ** (attempt - 1), RECONNECT_PAUSE_MAX_MS);
  return Math.round(pause * (0.5 + random() / 2));
}

interface BaseOptions {
  readonly connectionName: string;
  readonly connectTimeout: number;
  readonly disconnectTimeout: number;
  readonly enableReadyCheck: boolean;
  readonly disableClientInfo: boolean;
  readonly enableOfflineQueue: boolean;
  readonly lazyConnect: boolean;
}

/** Options that every connection has. */
export function baseOptions(settings: RedisSettings, purpose: string): BaseOptions {
  return {
    connectionName: `${settings.name}:${purpose}`,
    connectTimeout: settings.timeoutMs,
    // A connection is dropped where its peer is silent: there is nobody to say goodbye to.
    disconnectTimeout: 0,
    // A hosted Redis may refuse INFO and CLIENT; neither is needed.
    enableReadyCheck: false,
    disableClientInfo: true,
    enableOfflineQueue: false,
    lazyConnect: true,
  };
}

/** Opens the connection that carries a process' commands, and waits until it answers. */
export async function openCommands(settings: RedisSettings, log: Log): Promise<Redis> {
  let everReady = false;
  const client = new Redis(settings.url, {
    ...baseOptions(settings, "commands"),
    commandTimeout: settings.timeoutMs,
    // A command that was under way when the connection broke is sent once more.
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt) => everReady ? reconnectPause(attempt) : null,
  });
  let failure: Error | undefined;
  client.on("error", (error: Error) => {
    if (everReady && failure === undefined) {
      log.warn("redis connection lost", { error: error.message });
    }
    failure = error;
  });
  client.on("ready", () => {
    if (everReady && failure !== undefined) log.info("redis connection back");
    failure = undefined;
    everReady = true;
  });
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    drop(client);
    throw unavailable(failure ?? error);
  }
  return client;
}

/** Ends a connection; one that has ended already would only be left with a timer. */
export function drop(client: Redis): void {
  if (client.status !== "end") client.disconnect();
}

/** Codes with which Redis says that it is there but will not take more. */
const REFUSALS =
  /\bOOM command not allowed|max requests limit exceeded|max number of clients|max daily request/i;

/** Turns whatever a client library throws into the port's one error. */
export function unavailable(error: unknown): BrokerUnavailable {
  if (error instanceof BrokerUnavailable) return error;
  const message = error instanceof Error ? reasonOf(error) : String(error);
  return new BrokerUnavailable(REFUSALS.test(message) ? "full" : "away", message, { cause: error });
}

/** What went wrong; of a discarded transaction, with which command. */
function reasonOf(error: Error & { readonly previousErrors?: readonly Error[] }): string {
  return (error.previousErrors?.[0] ?? error).message;
}

/** First word of a reply error: `NOGROUP`, `NOSCRIPT`, `BUSYGROUP`, `UNBLOCKED`, … */
export function replyCode(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, error.message.indexOf(" ")) : "";
}

/**
 * Runs commands; their failures become {@linkcode BrokerUnavailable}. A command that got no reply
 * in time means a dead or stuck connection: it is replaced.
 */
export async function guarded<T>(client: Redis, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Error && error.message === "Command timed out") client.disconnect(true);
    throw unavailable(error);
  }
}
