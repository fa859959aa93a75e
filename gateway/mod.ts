/**
 * The gateway role, put together: opened in order, closed in reverse.
 *
 * Owns the order in which a gateway starts and stops. Never reads the environment.
 * Invariant: it stops listening only after everybody who waits has been answered, or time is up.
 *
 * @module
 */
import { baseUrl } from "../shared/base_url.ts";
import type { Admission } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import { farewell } from "../shared/farewell.ts";
import type { Log } from "../shared/log.ts";
import { loop } from "../shared/loop.ts";
import { osState } from "../shared/os_error.ts";
import { joinDeployment } from "../shared/redis/deployment.ts";
import type { RedisSettings } from "../shared/redis/connection.ts";
import { RedisDeadLetters } from "../shared/redis/dead_letters.ts";
import { RedisJobQueue } from "../shared/redis/job_queue.ts";
import { RedisQuotas } from "../shared/redis/quota.ts";
import { RedisDirectory } from "../shared/redis/registry.ts";
import { RedisResultFeed } from "../shared/redis/result_feed.ts";
import { Shards } from "../shared/redis/shard.ts";
import { createApp } from "./app.ts";
import { Catalog } from "./catalog.ts";
import { EventStreams } from "./events/event_streams.ts";
import { Jobs } from "./jobs.ts";
import { KeyRing } from "./keys/key_ring.ts";
import { ReleasedFeed } from "./keys/released_feed.ts";
import { gatewayMetrics } from "./metrics.ts";
import { readPageFiles } from "./page.ts";
import { Sockets } from "./socket/sockets.ts";
import { Upgrades } from "./socket/upgrades.ts";
import { Waiters } from "./waiters.ts";

export interface GatewayParts {
  readonly config: Config;
  readonly redis: RedisSettings;
  /** Unique to this process: the name of its result stream. */
  readonly name: string;
  /** Whether others of the same user may listen at its port too; the system spreads connections. */
  readonly sharePort?: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

type Handler = (request: Request) => Response | Promise<Response>;

/** A call that Redis does not answer in this time is answered for it: `busy`. */
const CALL_MAX_MS = 900;

/** An address that this machine does not have, or that is taken; the message says which. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/**
 * Serves until `drain` aborts, then answers those who wait and stops.
 *
 * @param giveUp aborts when the time for draining is over
 * @throws {KeysFileError} where the API keys cannot be read
 * @throws {ListenError} where the address cannot be listened at
 * @throws {BrokerUnavailable} where Redis cannot be reached at the start
 */
export async function runGateway(
  parts: GatewayParts,
  drain: AbortSignal,
  giveUp: AbortSignal,
): Promise<void> {
  const { config, name, clock, log } = parts;
  await using stack = new AsyncDisposableStack();
  const keys = openKeys(config, clock, log);
  const shards = stack.use(await openShards(parts));
  await joinDeployment(shards.common, config.WEIR_SHARDS);
  const admission = admissionOf(config);
  const quotas = new RedisQuotas(shards.common);
  const queue = new RedisJobQueue({
    shards,
    gateway: name,
    admission,
    replicas: config.WEIR_REDIS_WAIT_REPLICAS,
  });
  const feeds = await openFeeds(parts, shards, stack);
  const renewal = { name: "renewal", periodMs: config.WEIR_REDIS_HEALTH_MS, clock, log };
  const waiters = new Waiters({ queue, clock, log });
  const catalog = new Catalog(new RedisDirectory(shards.all), clock);
  const times = {
    timeoutMs: config.WEIR_TIMEOUT_MS,
    resultTtlMs: config.WEIR_RESULT_TTL_MS,
    waitMaxMs: config.WEIR_QUEUE_WAIT_MAX_MS,
  };
  const streams = new EventStreams({ clock, log, drain });
  const bodyBytesMax = config.WEIR_BODY_BYTES_MAX;
  const sockets = new Sockets({ clock, log, bodyBytesMax, drain });
  const upgrades = new Upgrades();
  const app = createApp({
    jobs: new Jobs({ queue, waiters, catalog, clock, log, ...times }),
    letters: new RedisDeadLetters({ shards, gateway: name, admission }),
    catalog,
    clock,
    log,
    ...times,
    bodyBytesMax,
    pixelsMax: config.WEIR_PIXELS_MAX,
    corsOrigins: config.WEIR_CORS_ORIGINS,
    pageFiles: await readPageFiles(),
    streams,
    sockets,
    upgrades,
    metrics: gatewayMetrics({ waiters, streams, sockets, shards: shards.all }),
    keys,
    quotas,
    draining: () => drain.aborted,
  });

  const closed = new AbortController();
  const background = Promise.all([
    keys?.follow(closed.signal),
    streams.beat(closed.signal),
    ...feeds.flatMap((feed) => {
      const heard = keys === undefined ? feed : new ReleasedFeed({ feed, keys, quotas, log });
      const renewed = loop(renewal, closed.signal, () => feed.renew());
      return [waiters.follow(heard, closed.signal), renewed];
    }),
  ]);
  stack.defer(async () => {
    closed.abort();
    await background;
  });
  const server = { handler: upgrades.handler(app.fetch), drained: sockets.drained };
  await listen(parts, server, drain, giveUp);
  log.info("gateway drained", { name });
}

function admissionOf(config: Config): Admission {
  return { jobsMax: config.WEIR_QUEUE_JOBS_MAX, bytesMax: config.WEIR_QUEUE_BYTES_MAX };
}

function openKeys(
  { WEIR_API_KEYS_FILE: file }: Config,
  clock: Clock,
  log: Log,
): KeyRing | undefined {
  if (file === undefined) return undefined;
  const keys = new KeyRing({ file, clock, log });
  log.info("api keys read", { file, keys: keys.size });
  return keys;
}

function openShards(
  { config, redis, clock, log }: GatewayParts,
): Promise<Shards> {
  return Shards.open({
    settings: redis,
    callMs: CALL_MAX_MS,
    count: config.WEIR_SHARDS,
    connectionsMax: config.WEIR_REDIS_CONNECTIONS_MAX,
    // A feed for each shard.
    others: config.WEIR_SHARDS,
    clock,
    log,
  });
}

/** Makes this gateway's result streams, which go with the stack. */
async function openFeeds(
  { config, name, clock, log }: GatewayParts,
  shards: Shards,
  stack: AsyncDisposableStack,
): Promise<RedisResultFeed[]> {
  const periods = { blockMs: config.WEIR_BLOCK_MS, renewMs: config.WEIR_REDIS_HEALTH_MS };
  const feeds = shards.all.map((shard) =>
    new RedisResultFeed({ shard, gateway: name, ...periods, clock, log })
  );
  for (const feed of feeds) {
    await feed.renew();
    stack.defer(() => farewell(log, () => feed.close()));
  }
  return feeds;
}

/**
 * Listens until `drain`; then requests under way are answered, or cut off by `giveUp`.
 *
 * @param served `drained` resolves when no socket is left: shutting down would cut them off
 */
async function listen(
  parts: GatewayParts,
  { handler, drained }: { readonly handler: Handler; readonly drained: Promise<void> },
  drain: AbortSignal,
  giveUp: AbortSignal,
): Promise<void> {
  const server = serve(parts, handler);
  await aborted(drain);
  parts.log.info("gateway draining");
  const ended = drained.then(() => server.shutdown());
  // Given to the server, the second signal would close what the shutdown has closed already.
  await Promise.race([ended, aborted(giveUp)]);
}

function serve({ config, sharePort, log }: GatewayParts, handler: Handler): Deno.HttpServer {
  const { WEIR_HOST: hostname, WEIR_PORT: port } = config;
  const reusePort = sharePort ?? false;
  const onListen = (address: { readonly port: number }) =>
    log.info("gateway ready", { url: baseUrl(hostname, address.port) });
  try {
    return Deno.serve({ hostname, port, reusePort, onListen }, handler);
  } catch (error) {
    throw new ListenError(`cannot listen at ${baseUrl(hostname, port)}: ${osState(error)}`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}
