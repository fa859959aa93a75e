/**
 * What Redis holds, for whoever judges a run from outside.
 *
 * Only reads. Never takes part in the delivery.
 *
 * @module
 */
import type { Redis } from "ioredis";
import type { JobId } from "../shared/job.ts";
import { GROUP, ShardKeys } from "../shared/redis/keys.ts";
import { submissionOf } from "./trace.ts";

/** A job's record. */
export interface RecordState {
  readonly id: string;
  readonly state: string;
  /** RFC 3339; absent while there is no outcome. */
  readonly finishedAt?: string;
  /** Attempts begun by workers. */
  readonly attempts: number;
  /** Number of the submission that made it. */
  readonly submission?: number;
}

/** Everything that a run may leave behind. */
export interface RedisState {
  readonly records: readonly RecordState[];
  readonly streams: readonly {
    readonly name: string;
    readonly entries: number;
    readonly pending: number;
  }[];
  readonly deadlines: number;
  readonly load: readonly {
    readonly model: string;
    readonly jobs: number;
    readonly bytes: number;
    /** Of all lanes. */
    readonly images: number;
  }[];
  readonly deadLetters: number;
  /** Consumers of workers that do not live. */
  readonly deadConsumers: readonly string[];
}

const KEYS = new ShardKeys(0);
const SCAN_COUNT = 1000;

/** Whether nothing is left that a job needs on its way, nor a trace of a worker that died. */
export function isEmpty(remains: Omit<RedisState, "records">): boolean {
  const { streams, deadlines, load, deadConsumers } = remains;
  return deadlines + deadConsumers.length === 0 &&
    streams.every(({ entries, pending }) => entries + pending === 0) &&
    load.every(({ jobs, bytes, images }) => jobs + bytes + images === 0);
}

/** Reads everything. */
export async function readRedisState(client: Redis): Promise<RedisState> {
  return { ...await readRemains(client), records: await readRecords(client) };
}

/** Reads everything but the records, which may be many. */
export async function readRemains(client: Redis): Promise<Omit<RedisState, "records">> {
  const models = await modelNames(client);
  const streams = await Promise.all(
    streamNames(models).map(async (name) => ({
      name,
      entries: await client.xlen(name),
      pending: (await pendingOf(client, name)).reduce((sum, { jobs }) => sum + jobs, 0),
    })),
  );
  const load = await Promise.all(models.map(async (model) => {
    const { jobs = "0", bytes = "0", ...more } = await client.hgetall(KEYS.load(model));
    const images = Object.entries(more).filter(([field]) => field.startsWith("images:"))
      .reduce((sum, [, count]) => sum + Number(count), 0);
    return { model, jobs: Number(jobs), bytes: Number(bytes), images };
  }));
  const letters = await Promise.all(models.map((model) => client.xlen(KEYS.dead(model))));
  return {
    streams,
    load,
    deadlines: await client.zcard(KEYS.deadlines()),
    deadLetters: letters.reduce((sum, count) => sum + count, 0),
    deadConsumers: await deadConsumers(client, models),
  };
}

/** Jobs that each worker has in hand now, by its name. */
export async function readRunning(client: Redis): Promise<Map<string, number>> {
  const running = new Map<string, number>();
  for (const stream of streamNames(await modelNames(client))) {
    for (const { consumer, jobs } of await pendingOf(client, stream)) {
      running.set(consumer, (running.get(consumer) ?? 0) + jobs);
    }
  }
  return running;
}

function modelNames(client: Redis): Promise<string[]> {
  return client.hkeys(KEYS.models());
}

function streamNames(models: readonly string[]): string[] {
  return models.flatMap((model) => KEYS.lanes(model));
}

type PendingReply = [count: number, from: string, to: string, [string, string][] | null];

async function pendingOf(
  client: Redis,
  stream: string,
): Promise<{ consumer: string; jobs: number }[]> {
  const [, , , consumers] = await client.xpending(stream, GROUP) as PendingReply;
  return (consumers ?? []).map(([consumer, jobs]) => ({ consumer, jobs: Number(jobs) }));
}

async function deadConsumers(client: Redis, models: readonly string[]): Promise<string[]> {
  const dead = new Set<string>();
  for (const stream of streamNames(models)) {
    const consumers = await client.xinfo("CONSUMERS", stream, GROUP) as unknown[][];
    for (const fields of consumers) {
      const name = String(fields[fields.indexOf("name") + 1]);
      if (await client.exists(KEYS.beat(name)) === 0) dead.add(name);
    }
  }
  return [...dead];
}

async function readRecords(client: Redis): Promise<RecordState[]> {
  const prefix = KEYS.job("" as JobId);
  const records = new Map<string, RecordState>();
  let cursor = "0";
  do {
    const [next, keys] = await client.scan(cursor, "MATCH", `${prefix}*`, "COUNT", SCAN_COUNT);
    cursor = next;
    const pipeline = client.pipeline();
    for (const key of keys) pipeline.hmget(key, "state", "finished", "attempts", "traceparent");
    const replies = await pipeline.exec() ?? [];
    // SCAN may name a key twice.
    keys.forEach((key, i) => {
      const fields = replies[i]![1] as (string | null)[];
      const id = key.slice(prefix.length);
      if (typeof fields[0] === "string") records.set(id, recordOf(id, fields));
    });
  } while (cursor !== "0");
  return [...records.values()];
}

function recordOf(id: string, fields: readonly (string | null)[]): RecordState {
  const [state, finished, attempts, traceparent] = fields;
  const submission = submissionOf(traceparent ?? "");
  return {
    id,
    state: state!,
    attempts: Number(attempts ?? 0),
    ...(finished && { finishedAt: new Date(Number(finished)).toISOString() }),
    ...(submission !== undefined && { submission }),
  };
}
