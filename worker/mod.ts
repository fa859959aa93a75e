/**
 * The worker role, put together: opened in order, closed in reverse.
 *
 * Owns the order in which a worker starts and stops. Never reads the environment.
 * Invariant: it announces itself only after every model has answered once.
 *
 * @module
 */
import type { WorkerCard } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import { farewell } from "../shared/farewell.ts";
import type { Log } from "../shared/log.ts";
import { loop } from "../shared/loop.ts";
import { redisCalls } from "../shared/metrics.ts";
import { joinDeployment } from "../shared/redis/deployment.ts";
import type { RedisSettings } from "../shared/redis/connection.ts";
import { RedisJobSource } from "../shared/redis/job_source.ts";
import { RedisMaintenance } from "../shared/redis/maintenance.ts";
import { RedisDirectory, RedisWorkerRegistry } from "../shared/redis/registry.ts";
import { type Shard, Shards } from "../shared/redis/shard.ts";
import type { Tracing } from "../shared/tracing.ts";
import type { ModelFiles } from "./engines/engine.ts";
import type { selectEngine } from "./engines/select.ts";
import { Janitor } from "./janitor.ts";
import { WorkerMetrics } from "./metrics.ts";
import { ModelOpener } from "./model_opener.ts";
import { ModelTable } from "./model_table.ts";
import { ModelThread } from "./model_thread.ts";
import { openRepository } from "./models/repository.ts";
import { warnOfDefaults } from "./one_default.ts";
import { runPipeline } from "./pipeline.ts";
import type { Served } from "./served_model.ts";
import { StatusServer } from "./status_server.ts";
import { Updater } from "./updater.ts";

export { prepareLibraries } from "./engines/libraries.ts";

export interface WorkerParts {
  readonly config: Config;
  readonly redis: RedisSettings;
  /** Unique to this process: the consumer's name in the group. */
  readonly name: string;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: Log;
  /** Names of the models to serve; all of the repository unless given. */
  readonly models?: readonly string[] | undefined;
  /** How the engine is found: among the real ones, unless a test has its own. */
  readonly selectEngine?: typeof selectEngine;
  /** Gives up what only starting takes, before the first photo is looked at. */
  readonly shed?: () => Promise<void>;
  /** Has a function called whenever the worker is told to look at its models once more. */
  readonly onHangup?: (look: () => void) => void;
}

/** Health periods that a worker lives for the others after its last beat. */
const LIFETIME_PERIODS = 1.5;

/** Beats in that time: one may be lost, and the next still comes before its end. */
const BEATS_A_LIFETIME = 2.25;

/** Maintenance periods that a lease outlives its last renewal. */
const LEASE_PERIODS = 1.5;

/**
 * Serves until `drain` aborts, then finishes what it has begun.
 *
 * @param giveUp aborts when the time for draining is over
 * @throws {ListenError} where the port of its status cannot be listened at
 * @throws {ModelError} where a model cannot be served
 * @throws {BrokerUnavailable} where Redis cannot be reached at the start
 */
export async function runWorker(
  parts: WorkerParts,
  drain: AbortSignal,
  giveUp: AbortSignal,
): Promise<void> {
  const { config, name, clock, log } = parts;
  await using stack = new AsyncDisposableStack();
  const metrics = new WorkerMetrics();
  const status: Status = { whyNotReady: () => "its models are loading" };
  stack.use(openStatus(parts, metrics, status));
  const shards = stack.use(await openShards(parts, metrics));
  await joinDeployment(shards.common, config.WEIR_SHARDS);
  const repository = stack.use(new ModelThread(config.WEIR_MODELS));
  const models = stack.use(new ModelTable());
  const opener = new ModelOpener({
    ...parts,
    wanted: config.WEIR_ENGINE,
    delayMs: config.WEIR_NULL_DELAY_MS,
    outputBytesMax: config.WEIR_OUTPUT_BYTES_MAX,
    threads: config.WEIR_THREADS,
    thread: repository,
  });
  const updater = new Updater({
    repository,
    table: models,
    names: parts.models,
    open: (files, signal) => openVersion(parts, opener, files, signal),
    announce: () => announce(parts, members, models),
    log,
  });
  await updater.watch();
  await updater.start(await openRepository(config.WEIR_MODELS, parts.models), giveUp);
  opener.seal();

  const sources = [];
  for (const shard of shards.all) {
    sources.push(await openSource(parts, shard, models.names, stack));
  }
  const lifetimeMs = LIFETIME_PERIODS * config.WEIR_REDIS_HEALTH_MS;
  const beatMs = lifetimeMs / BEATS_A_LIFETIME;
  const members = shards.all.map((shard) => membership(parts, shard, lifetimeMs, metrics));
  for (const { janitor } of members) stack.defer(() => farewell(log, () => janitor.resign()));
  const card = cardOf(parts, models);
  for (const { registry } of members) {
    await registry.announce(card);
    stack.defer(() => farewell(log, () => registry.leave()));
  }
  await warnOfDefaults(new RedisDirectory(shards.all), log);
  metrics.watchProcess(shards, members.map(({ janitor }) => janitor));
  drain.addEventListener("abort", () => log.info("worker draining", { name }), { once: true });
  status.whyNotReady = () => whyNotReady(shards, drain);
  log.info("worker ready", { name, engine: card.engine, models: models.names.join(",") });

  parts.onHangup?.(() => updater.look());
  const updating = updater.run(drain);
  const loops = Promise.all(members.flatMap(({ registry, janitor }) => [
    loop({ name: "beat", periodMs: beatMs, clock, log }, drain, () => registry.beat()),
    loop(
      { name: "maintenance", periodMs: config.WEIR_MAINTENANCE_MS, clock, log },
      drain,
      () => janitor.runOnce(),
    ),
  ]));
  await runPipeline({ ...parts, metrics, sources, models }, drain, giveUp);
  await Promise.all([loops, updating]);
  log.info("worker drained", { name });
}

/** How the worker is to whoever asks; changes as it starts. */
interface Status {
  whyNotReady: () => string | undefined;
}

/** Listens where the settings say so. */
function openStatus(
  { config, log }: WorkerParts,
  { registry }: WorkerMetrics,
  status: Status,
): StatusServer | undefined {
  const { WEIR_HOST: hostname, WEIR_METRICS_PORT: port } = config;
  if (port === undefined) return undefined;
  return new StatusServer({
    hostname,
    port,
    metrics: registry,
    whyNotReady: () => status.whyNotReady(),
    onListen: (url) => log.info("status served", { url }),
  });
}

function whyNotReady({ all }: Shards, drain: AbortSignal): string | undefined {
  if (drain.aborted) return "it is draining";
  return all.some(({ away }) => away) ? "redis is away" : undefined;
}

function openShards(
  { config, redis, clock, log }: WorkerParts,
  { registry }: WorkerMetrics,
): Promise<Shards> {
  const count = config.WEIR_SHARDS;
  return Shards.open({
    settings: redis,
    count,
    connectionsMax: config.WEIR_REDIS_CONNECTIONS_MAX,
    // A reader for each shard, and the heartbeat.
    others: count + 1,
    onCall: redisCalls(registry),
    clock,
    log,
  });
}

/** Joins the consumer group of a shard's streams, and leaves it with the stack. */
async function openSource(
  { config, name, clock, log }: WorkerParts,
  shard: Shard,
  models: readonly string[],
  stack: AsyncDisposableStack,
): Promise<RedisJobSource> {
  const source = stack.use(
    new RedisJobSource({
      shard,
      consumer: name,
      models,
      attemptsMax: config.WEIR_ATTEMPTS_MAX,
      claimIdleMs: config.WEIR_CLAIM_IDLE_MS,
      blockMs: config.WEIR_BLOCK_MS,
      clock,
      log,
    }),
  );
  await source.open();
  stack.defer(() => farewell(log, () => source.leave()));
  return source;
}

/** What makes this worker known on a shard, and lets it do the shard's maintenance. */
interface Membership {
  readonly registry: RedisWorkerRegistry;
  readonly janitor: Janitor;
}

function membership(
  { config, name, clock, log }: WorkerParts,
  shard: Shard,
  lifetimeMs: number,
  { counts }: WorkerMetrics,
): Membership {
  const leaseMs = LEASE_PERIODS * config.WEIR_MAINTENANCE_MS;
  const maintenance = new RedisMaintenance({ shard, token: name, leaseMs, counts });
  return {
    registry: new RedisWorkerRegistry({ shard, worker: name, lifetimeMs, clock }),
    janitor: new Janitor({ maintenance, shard: shard.number, clock, log }),
  };
}

function cardOf({ name }: WorkerParts, { cards }: ModelTable): WorkerCard {
  const engine = [...new Set(cards.map(({ engine }) => engine))].join(",");
  return { name, engine, models: cards };
}

/** Makes known what is served now; a registry that cannot be told is told with its next beat. */
async function announce(
  parts: WorkerParts,
  members: readonly Membership[],
  models: ModelTable,
): Promise<void> {
  const card = cardOf(parts, models);
  for (const { registry } of members) {
    try {
      await registry.announce(card);
    } catch (error) {
      parts.log.warn("models cannot be announced yet", { error: String(error) });
    }
  }
}

/** Opens a version of a model. */
async function openVersion(
  { clock, log }: WorkerParts,
  opener: ModelOpener,
  files: ModelFiles,
  signal: AbortSignal,
): Promise<Served> {
  const { name, version, format } = files;
  const began = clock.now();
  const { model, description, reason } = await opener.open(files, signal);
  const { engine } = model.card;
  log.info("engine chosen", { model: name, engine, description, reason });
  const ms = Math.round(clock.now() - began);
  log.info("model loaded", { model: name, version, format, engine, ms });
  return model;
}
