/**
 * Connections to Redis: how they are opened, how long they wait, how they come back.
 *
 * Two kinds. A command connection is shared and comes back by itself, be it to one server, to the
 * master that sentinels name or to every master of a cluster. A direct connection goes to one
 * server, has one user, and is opened again by that user.
 * Invariant: an error that leaves the adapter is a {@linkcode BrokerUnavailable} or a bug.
 *
 * @module
 */
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { BrokerUnavailable } from "../broker.ts";
import type { Log } from "../log.ts";
import { ADDRESS_FORMS, type Node, parseRedisAddress, type RedisAddress } from "./address.ts";

/** How to reach Redis, and how patient to be. */
export interface RedisSettings {
  /** `REDIS_URL`. */
  readonly url: string;
  /** Shown in `CLIENT LIST`, followed by the connection's purpose. */
  readonly name: string;
  /** Bound on connecting, and on each call with its second try. */
  readonly timeoutMs: number;
}

/** Without the form of replies, which is always the old one. */
type Options = Omit<RedisOptions, "replyMapping">;

/** What carries a process' commands. */
export type CommandClient = Redis | Cluster;

/** Longest pause between two attempts to reconnect. */
export const RECONNECT_PAUSE_MAX_MS = 500;

/** How often a cluster's redirections are followed, and the pause while it has no answer yet. */
const REDIRECTIONS_MAX = 5;
const REDIRECTION_PAUSE_MS = 50;

/** Pause before the n-th attempt (from 1): doubles from 50 ms, half of it random. */
export function reconnectPause(attempt: number, random: () => number = Math.random): number {
  const pause = Math.min(50 * 2 ** (attempt - 1), RECONNECT_PAUSE_MAX_MS);
  return Math.round(pause * (0.5 + random() / 2));
}

/** Reads the address of the settings. */
export function addressOf({ url }: RedisSettings): RedisAddress {
  const address = parseRedisAddress(url);
  if (address === undefined) throw new TypeError(`no ${ADDRESS_FORMS} address`);
  return address;
}

/** Options that every connection has. */
function baseOptions(settings: RedisSettings, purpose: string): Options {
  const { credentials, tls } = addressOf(settings);
  return {
    ...credentials,
    ...(tls && { tls: {} }),
    connectionName: `${settings.name}:${purpose}`,
    connectTimeout: settings.timeoutMs,
    // A connection is dropped where its peer is silent: there is nobody to say goodbye to.
    disconnectTimeout: 0,
    // A hosted Redis may refuse INFO and CLIENT; neither is needed.
    enableReadyCheck: false,
    disableClientInfo: true,
    lazyConnect: true,
  };
}

/** Where a direct connection goes: to the node, or to the one server or master that there is. */
function destination(
  address: RedisAddress,
  { timeoutMs }: RedisSettings,
  node?: Node,
): Options {
  switch (address.kind) {
    case "single":
      return { ...address.node, db: address.db };
    case "sentinel":
      return {
        sentinels: [...address.sentinels],
        name: address.master,
        db: address.db,
        sentinelUsername: address.sentinelCredentials.username,
        sentinelPassword: address.sentinelCredentials.password,
        // Without these two the library would speak in the clear, whatever `tls` says.
        enableTLSForSentinelMode: address.tls,
        ...(address.tls && { sentinelTLS: {} }),
        sentinelRetryStrategy: () => null,
        sentinelCommandTimeout: timeoutMs,
      };
    case "cluster":
      return { ...(node ?? address.nodes[0]!) };
  }
}

/**
 * A connection of one user, not yet connected, which fails once and for good.
 *
 * @param node where to go in a cluster
 */
export function newDirect(settings: RedisSettings, purpose: string, node?: Node): Redis {
  const client = new Redis({
    ...baseOptions(settings, purpose),
    ...destination(addressOf(settings), settings, node),
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: null,
  });
  // The failed command reports the fault; without a listener the library would print it too.
  client.on("error", () => {});
  return client;
}

/** Opens the connection that carries a process' commands, and waits until it answers. */
export async function openCommands(settings: RedisSettings, log: Log): Promise<CommandClient> {
  let everReady = false;
  const retryStrategy = (attempt: number) => everReady ? reconnectPause(attempt) : null;
  const client = newCommands(settings, retryStrategy);
  let failure: Error | undefined;
  client.on("error", (error: Error) => {
    if (everReady && failure === undefined) {
      log.warn("redis connection lost", { error: causeOf(error).message });
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

function newCommands(
  settings: RedisSettings,
  retryStrategy: (attempt: number) => number | null,
): CommandClient {
  const address = addressOf(settings);
  const options: Options = {
    ...baseOptions(settings, "commands"),
    // Behind the guard, whose bound is the one that counts.
    commandTimeout: 2 * tryMs(settings),
    // A command that was under way when the connection broke is sent once more.
    maxRetriesPerRequest: 1,
  };
  if (address.kind !== "cluster") {
    return new Redis({
      ...options,
      ...destination(address, settings),
      ...(address.kind === "sentinel" && { sentinelRetryStrategy: retryStrategy }),
      retryStrategy,
    });
  }
  return new Cluster([...address.nodes], {
    redisOptions: options,
    lazyConnect: true,
    clusterRetryStrategy: retryStrategy,
    maxRedirections: REDIRECTIONS_MAX,
    retryDelayOnFailover: REDIRECTION_PAUSE_MS,
    retryDelayOnClusterDown: REDIRECTION_PAUSE_MS,
    retryDelayOnTryAgain: REDIRECTION_PAUSE_MS,
    slotsRefreshTimeout: settings.timeoutMs,
    // Redirections tell what has moved: nothing has to be asked for again and again.
    slotsRefreshInterval: 0,
  });
}

/** Bound on one try of a call; there are two. */
export function tryMs({ timeoutMs }: RedisSettings): number {
  return Math.max(1, Math.floor(timeoutMs / 2));
}

/**
 * Replaces a connection on which nothing comes back. One that is being made is left alone: it has a
 * bound of its own, and the library would end for good what still asks a sentinel.
 */
export function reconnect(client: Redis): void {
  if (client.status === "ready" || client.status === "connect") client.disconnect(true);
}

/** Ends a connection; one that has ended already would only be left with a timer. */
export function drop(client: CommandClient): void {
  if (client.status !== "end") client.disconnect();
}

/** Words with which Redis says that it is there but will not take more. */
const REFUSALS =
  /\bOOM command not allowed|max requests limit exceeded|max number of clients|max daily request/i;

/** Words of failures that come before anything was done. */
const UNTOUCHED = /^Execution prevented|Last error: ReplyError: (TRYAGAIN|CLUSTERDOWN|MOVED|ASK)\b/;

/** Turns whatever a client library throws into the port's one error. */
export function unavailable(error: unknown): BrokerUnavailable {
  if (error instanceof BrokerUnavailable) return error;
  const message = error instanceof Error ? causeOf(error).message : String(error);
  return new BrokerUnavailable(REFUSALS.test(message) ? "full" : "away", message, {
    cause: error,
    untouched: UNTOUCHED.test(message),
  });
}

interface Wrapping extends Error {
  /** Of a discarded transaction: what was wrong with its commands. */
  readonly previousErrors?: readonly Error[];
  /** Of a cluster none of whose nodes could be asked: why not the last one. */
  readonly lastNodeError?: Error;
}

/** What went wrong at the bottom of it. */
export function causeOf(error: Wrapping): Error {
  return error.previousErrors?.[0] ?? error.lastNodeError ?? error;
}

/** First word of a reply error: `NOGROUP`, `NOSCRIPT`, `BUSYGROUP`, `UNBLOCKED`, … */
export function replyCode(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, error.message.indexOf(" ")) : "";
}

/** An answer of the server, as opposed to a fault of the connection. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}
