/**
 * The gateway role, put together: opened in order, closed in reverse.
 *
 * Owns the order in which its parts start and stop. Never reads the environment.
 * Invariant: what answers requests is closed only after the server.
 *
 * @module
 */
import { Registry } from "prom-client";
import type { Admission } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import { farewell } from "../shared/farewell.ts";
import type { Log } from "../shared/log.ts";
import { loop } from "../shared/loop.ts";
import { countFinished, countSubmitted, type JobCounts, redisCalls } from "../shared/metrics.ts";
import { DEAD_BYTES_MAX } from "../shared/redis/attempts.ts";
import { joinDeployment } from "../shared/redis/deployment.ts";
import type { RedisSettings } from "../shared/redis/connection.ts";
import { RedisDeadLetters } from "../shared/redis/dead_letters.ts";
import { RedisHistory } from "../shared/redis/history.ts";
import { RedisJobQueue } from "../shared/redis/job_queue.ts";
import { RedisOverviews } from "../shared/redis/overview.ts";
import { RedisQuotas } from "../shared/redis/quota.ts";
import { RedisDirectory } from "../shared/redis/registry.ts";
import { RedisResultFeed } from "../shared/redis/result_feed.ts";
import { Shards } from "../shared/redis/shard.ts";
import type { Stop } from "../shared/stop.ts";
import type { Tracing } from "../shared/tracing.ts";
import { type AppParts, createApp } from "./app.ts";
import { Catalog } from "./catalog.ts";
import { openWatch } from "./dashboard/mod.ts";
import { Recorder } from "./dashboard/recorder.ts";
import { EventStreams } from "./events/event_streams.ts";
import { Stories } from "./explain/stories.ts";
import { Jobs, type JobsParts } from "./jobs.ts";
import { KeyRing } from "./keys/key_ring.ts";
import { ReleasedFeed } from "./keys/released_feed.ts";
import { measureGateway } from "./metrics.ts";
import { OverviewReader } from "./overview_reader.ts";
import { readPageFiles } from "./page.ts";
import { serve } from "./server.ts";
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
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: Log;
}

/** A call that Redis does not answer in this time is answered for it: `busy`. */
const CALL_MAX_MS = 900;

/**
 * Serves until it is to drain, then answers those who wait and stops.
 *
 * @throws {KeysFileError} where the API keys cannot be read
 * @throws {ListenError} where the address cannot be listened at
 * @throws {BrokerUnavailable} where Redis cannot be reached at the start
 */
export async function runGateway(parts: GatewayParts, stop: Stop): Promise<void> {
  const { config, name, tracing, clock, log } = parts;
  const { leave, drain } = stop;
  await using stack = new AsyncDisposableStack();
  const { admission, ...settings } = settingsOf(config);
  const keys = openKeys(config, clock, log);
  const metrics = new Registry();
  const shards = stack.use(await openShards(parts, redisCalls(metrics)));
  await joinDeployment(shards.common, config.WEIR_SHARDS);
  const overviews = new OverviewReader({ overviews: new RedisOverviews({ shards, clock }), clock });
  const history = new RedisHistory(shards.common);
  const recorder = new Recorder({ overviews, history, gateway: name, clock, log });
  const counts = countsOf(metrics, recorder);
  const quotas = new RedisQuotas(shards.common);
  const queue = new RedisJobQueue({
    shards,
    gateway: name,
    admission,
    replicas: config.WEIR_REDIS_WAIT_REPLICAS,
    counts,
  });
  const feeds = await openFeeds(parts, shards, stack);
  const waiters = new Waiters({ queue, clock, log });
  const catalog = new Catalog(new RedisDirectory(shards.all), clock);
  const common = { catalog, tracing, clock, log };
  const streams = new EventStreams({ clock, log, drain });
  const sockets = new Sockets({ clock, log, drain, bodyBytesMax: settings.bodyBytesMax });
  const upgrades = new Upgrades();
  const deadBytesMax = config.WEIR_SHARDS * DEAD_BYTES_MAX;
  measureGateway(metrics, {
    ...{ waiters, streams, sockets, shards, overviews, admission, deadBytesMax },
  });
  const letters = new RedisDeadLetters({ shards, gateway: name, admission, counts });
  const watch = openWatch({
    ...{ ...parts, gateway: name, recorder, overviews, history, letters, admission },
  });
  const app = createApp({
    jobs: new Jobs({ queue, waiters, ...common, ...settings, ...watch }),
    letters,
    ...watch,
    ...common,
    ...settings,
    pageFiles: await readPageFiles(),
    streams,
    stories: new Stories({ queue, clock }),
    sockets,
    upgrades,
    metrics,
    keys,
    quotas,
    leaving: () => leave.aborted,
    draining: () => drain.aborted,
  });

  runBeside(stack, (closed) => [
    keys?.follow(closed),
    streams.beat(closed),
    recorder.run(closed),
    ...feeds.flatMap((feed) => {
      const noted = watch.noting(feed);
      const heard = keys ? new ReleasedFeed({ feed: noted, keys, quotas, log }) : noted;
      return [waiters.follow(heard, closed), renew(parts, feed, closed)];
    }),
  ]);
  const { drained } = sockets;
  await serve({ ...parts, handler: upgrades.handler(app.fetch), drained }, stop);
  log.info("gateway drained", { name });
}

/** Counts jobs for who scrapes, and those that are taken in for the last hour, too. */
function countsOf(metrics: Registry, recorder: Recorder): JobCounts {
  const submitted = countSubmitted(metrics);
  return {
    submitted: (model) => {
      submitted(model);
      recorder.submitted();
    },
    finished: countFinished(metrics),
  };
}

/** Begins what runs until the stack is closed, and ends it then. */
function runBeside(
  stack: AsyncDisposableStack,
  begin: (closed: AbortSignal) => (Promise<void> | undefined)[],
): void {
  const closed = new AbortController();
  const running = Promise.all(begin(closed.signal));
  stack.defer(async () => {
    closed.abort();
    await running;
  });
}

/** What requests are judged by. */
type Settings =
  & Pick<AppParts, "timeoutMs" | "resultTtlMs" | "bodyBytesMax" | "pixelsMax" | "corsOrigins">
  & Pick<JobsParts, "waitMaxMs">
  & { readonly admission: Admission };

function settingsOf(config: Config): Settings {
  return {
    admission: { jobsMax: config.WEIR_QUEUE_JOBS_MAX, bytesMax: config.WEIR_QUEUE_BYTES_MAX },
    timeoutMs: config.WEIR_TIMEOUT_MS,
    resultTtlMs: config.WEIR_RESULT_TTL_MS,
    waitMaxMs: config.WEIR_QUEUE_WAIT_MAX_MS,
    bodyBytesMax: config.WEIR_BODY_BYTES_MAX,
    pixelsMax: config.WEIR_PIXELS_MAX,
    corsOrigins: config.WEIR_CORS_ORIGINS,
  };
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
  onCall: (ms: number) => void,
): Promise<Shards> {
  return Shards.open({
    settings: redis,
    callMs: CALL_MAX_MS,
    count: config.WEIR_SHARDS,
    connectionsMax: config.WEIR_REDIS_CONNECTIONS_MAX,
    // A feed for each shard.
    others: config.WEIR_SHARDS,
    onCall,
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

/** Keeps a result stream alive until aborted. */
function renew(
  { config, clock, log }: GatewayParts,
  feed: RedisResultFeed,
  signal: AbortSignal,
): Promise<void> {
  const renewal = { name: "renewal", periodMs: config.WEIR_REDIS_HEALTH_MS, clock, log };
  return loop(renewal, signal, () => feed.renew());
}
