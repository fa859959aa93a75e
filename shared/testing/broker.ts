/**
 * A broker on a Redis of its own, with one gateway's side and one worker's, and what tests of it do
 * again and again.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Delivery, Finished, JobEvent } from "../broker.ts";
import { systemClock } from "../clock.ts";
import { type JobId, type JobRecord, type NewJob, newJobId } from "../job.ts";
import type { ModelCard } from "../model_card.ts";
import { RedisDeadLetters } from "../redis/dead_letters.ts";
import { RedisJobQueue } from "../redis/job_queue.ts";
import { RedisJobSource } from "../redis/job_source.ts";
import { ShardKeys } from "../redis/keys.ts";
import { RedisWorkerRegistry } from "../redis/registry.ts";
import { RedisResultFeed } from "../redis/result_feed.ts";
import { type Shard, Shards } from "../redis/shard.ts";
import type { Log } from "../log.ts";
import { keptLog } from "./kept_log.ts";
import { loadOf, type TestRedis, testRedis } from "./redis.ts";

/** The one model that is served. */
export const MODEL = "shapes";
export const CLAIM_IDLE_MS = 50;
/** What a worker announces. */
export const CARD: ModelCard = {
  name: MODEL,
  version: "1",
  default: true,
  engine: "wasm",
  input: { width: 64, height: 64 },
  output: { kind: "classes", shape: [1] },
  top: 5,
  labels: ["star"],
};

/** The keys of the one shard. */
export const keys = new ShardKeys(0);
/** A signal that never aborts. */
export const forever = new AbortController().signal;

/** Both sides of a broker: gateway `g1`, worker `w1`. */
export interface Broker extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly shards: Shards;
  /** The only one. */
  readonly shard: Shard;
  readonly queue: RedisJobQueue;
  readonly source: RedisJobSource;
  readonly feed: RedisResultFeed;
  readonly letters: RedisDeadLetters;
  worker(consumer: string): RedisJobSource;
  gateway(name: string): RedisJobQueue;
}

/** Opens the only shard of a Redis. */
export async function testShards(
  { settings }: Pick<TestRedis, "settings">,
  log: Log = keptLog(),
): Promise<Shards> {
  return await Shards.open({
    settings,
    count: 1,
    connectionsMax: 8,
    others: 2,
    clock: systemClock,
    log,
  });
}

/** Starts a Redis and opens both sides. */
export async function openBroker(
  { jobsMax = 100, bytesMax = 1_000_000, ...bounds }: {
    jobsMax?: number;
    bytesMax?: number;
    deadBytesMax?: number;
    partialBytesMax?: number;
  } = {},
): Promise<Broker> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await testRedis());
  const log = keptLog();
  const shards = stack.use(await testShards(redis));
  const shard = shards.all[0]!;
  const common = { shard, clock: systemClock, log };
  const worker = (consumer: string) =>
    new RedisJobSource({
      ...common,
      consumer,
      models: [MODEL],
      blockMs: 500,
      attemptsMax: 3,
      claimIdleMs: CLAIM_IDLE_MS,
      ...bounds,
    });
  const source = stack.use(worker("w1"));
  await source.open();
  // Known, though no worker has announced it.
  await redis.client.hset(keys.models(), MODEL, JSON.stringify(CARD));
  const feed = new RedisResultFeed({ ...common, gateway: "g1", blockMs: 500, renewMs: 20_000 });
  await feed.renew();
  const admission = { jobsMax, bytesMax };
  const gateway = (name: string) => new RedisJobQueue({ shards, gateway: name, admission });
  const opened = stack.move();
  return {
    redis,
    shards,
    shard,
    queue: gateway("g1"),
    source,
    feed,
    letters: new RedisDeadLetters({ shards, gateway: "g1", admission }),
    worker,
    gateway,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Makes a worker known that lives, with what it serves. */
export async function announceWorker(
  shard: Shard,
  { worker = "w1", models = [CARD], lifetimeMs = 60_000 }: {
    readonly worker?: string;
    readonly models?: readonly ModelCard[];
    readonly lifetimeMs?: number;
  } = {},
): Promise<RedisWorkerRegistry> {
  const registry = new RedisWorkerRegistry({ shard, worker, lifetimeMs, clock: systemClock });
  await registry.announce({ name: worker, engine: CARD.engine, models });
  return registry;
}

/** A job of one small image. */
export function newJob(overrides: Partial<NewJob> = {}): NewJob {
  return {
    id: newJobId(0, () => crypto.randomUUID()),
    owner: "",
    model: MODEL,
    images: [{ bytes: new Uint8Array([0xff, 0xd8, 0, 1]) }],
    timeoutMs: 60_000,
    keepMs: 60_000,
    ...overrides,
  };
}

/** Submits a job that has to be accepted. */
export async function submit(broker: Broker, overrides: Partial<NewJob> = {}): Promise<JobId> {
  const job = newJob(overrides);
  assert.equal((await broker.queue.submit(job)).kind, "queued");
  return job.id;
}

/** Attaches a gateway to one job. */
export async function attach(
  queue: RedisJobQueue,
  id: JobId,
  { progress = false } = {},
): Promise<JobRecord | undefined> {
  return (await queue.attach([{ id, progress }]))[0];
}

/** What a job's record holds, whenever it is read; undefined where there is none. */
export async function recordOf(
  queue: RedisJobQueue,
  id: JobId,
): Promise<Omit<JobRecord, "readAt"> | undefined> {
  const record = await queue.get(id);
  if (record === undefined) return undefined;
  const { readAt: _, ...held } = record;
  return held;
}

/** Reads one delivery. */
export async function readOne(source: RedisJobSource): Promise<Delivery> {
  const [delivery] = await source.read(1, forever);
  assert(delivery !== undefined);
  return delivery;
}

/** A delivery with a success as its outcome. */
export function success(delivery: Delivery, tell = "g1", label = "star"): Finished {
  const results = delivery.images.map(() => ({ predictions: [{ label, probability: 0.75 }] }));
  return { delivery, tell, outcome: { state: "succeeded", results, timings: { inferMs: 3 } } };
}

/** Submits a job and gives it up: a dead letter. */
export async function bury(broker: Broker, overrides: Partial<NewJob> = {}): Promise<JobId> {
  const id = await submit(broker, overrides);
  const delivery = await readOne(broker.source);
  assert.equal(delivery.id, id);
  await broker.source.begin([delivery]);
  const error = { code: "job_failed", detail: "it was given up" } as const;
  const outcome = { state: "dead", error, attempts: 1 } as const;
  assert.deepEqual(await broker.source.settle([{ delivery, tell: "g1", outcome }]), ["failed"]);
  return id;
}

/** The next outcome that the gateway is told of. */
export async function nextEvent(feed: RedisResultFeed): Promise<JobEvent> {
  const stop = new AbortController();
  for await (const item of feed.items(stop.signal)) {
    if (item.kind === "event") return item.event;
  }
  throw new Error("the feed ended");
}

/** Asserts that nothing of a job is left but its record. */
export async function assertDrained(broker: Broker): Promise<void> {
  const { client } = broker.redis;
  for (const stream of keys.lanes(MODEL)) {
    assert.equal(await client.xlen(stream), 0);
    assert.equal(((await client.xpending(stream, "workers")) as number[])[0], 0);
  }
  assert.deepEqual(await loadOf(client, keys.load(MODEL)), { jobs: 0, bytes: 0, images: 0 });
  assert.equal(await client.zcard(keys.deadlines()), 0);
}
