import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { join } from "node:path";
import { Redis } from "ioredis";
import { FINAL_STATES, type JobId, LIVE_STATES } from "../shared/job.ts";
import { GROUP } from "../shared/redis/keys.ts";
import { RedisServer, type RedisServerOptions } from "../shared/redis_server.ts";
import { call, inParallel, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { tempFolder } from "./temp_folder.ts";
import { until } from "./waiting.ts";
import { KEYS, printingLog, startWeir, type Weir } from "./weir.ts";

const JOBS = 2000;
const CLIENTS = 32;
/** Jobs that become dead letters, and jobs that are in the hands of a worker that died. */
const BEGUN = 8;
const QUEUED = 20;
/** Of those in a dead worker's hands or queued: entries that nobody wants any more. */
const CANCELLED = 3;

/** Nothing expires while it is looked at. */
const LONG_MS = "600000";
const ENV = {
  WEIR_ENGINE: "null",
  WEIR_ATTEMPTS_MAX: "1",
  WEIR_CLAIM_IDLE_MS: "500",
  WEIR_BATCH_MAX: String(BEGUN / 2),
  WEIR_TIMEOUT_MS: LONG_MS,
  WEIR_REDIS_HEALTH_MS: LONG_MS,
  WEIR_LOG_LEVEL: "debug",
};

const PHOTO = await colourPicture([250, 20, 10]);

/** Posts a job in one of the ways that there are, and sees to it that it ends in one of the ways. */
async function busy(weir: Weir, i: number): Promise<void> {
  const jobs = `${weir.url}/v1/jobs`;
  const waiting = { prefer: "wait=60" };
  switch (i % 5) {
    case 0:
      return void await post(`${weir.url}/predict`, PHOTO.bytes);
    case 1:
      return void await post(jobs, PHOTO.bytes, { ...waiting, "idempotency-key": `key ${i}` });
    case 2:
      return void await post(jobs, PHOTO.bytes, { ...waiting, "x-request-timeout-ms": "1" });
    case 3:
      return await cancel(weir, (await post(jobs, PHOTO.bytes)).body.id);
    default:
      return void await post(jobs, PHOTO.bytes, waiting);
  }
}

/** Cancels a job, where it is not too late. */
async function cancel({ url }: Weir, id: string): Promise<void> {
  await call(`${url}/v1/jobs/${id}`, { method: "DELETE" });
}

/** Has a worker die with jobs in its hands, while others wait; the jobs' ids. */
async function killWithJobs(weir: Weir, queued: number): Promise<string[]> {
  const doomed = await weir.startWorker({ WEIR_NULL_DELAY_MS: LONG_MS });
  const accepted = await inParallel(
    BEGUN + queued,
    CLIENTS,
    () => post(`${weir.url}/v1/jobs`, PHOTO.bytes),
  );
  await until("its hands are full", () => {
    return Promise.resolve(doomed.lines.filter((line) => /job begun/.test(line)).length === BEGUN);
  });
  doomed.kill("SIGKILL");
  await doomed.ended;
  return accepted.map(({ body }) => body.id);
}

/** What a key holds, in a form that does not depend on how Redis stores it. */
async function contentOf(client: Redis, key: string, type: string): Promise<unknown> {
  switch (type) {
    case "string":
      return await client.get(key);
    case "hash":
      return Object.entries(await client.hgetall(key)).sort();
    case "set":
      return (await client.smembers(key)).sort();
    case "zset":
      return await client.zrange(key, "0", "-1", "WITHSCORES");
    case "stream": {
      const entries = await client.xrangeBuffer(key, "-", "+") as [Buffer, Buffer[]][];
      const groups = await client.xinfo("GROUPS", key) as unknown[];
      const pending = groups.length > 0 ? await client.xpending(key, GROUP, "-", "+", JOBS) : [];
      return {
        entries: entries.map(([id, fields]) =>
          [id, ...fields].map((bytes) => bytes.toString("hex"))
        ),
        groups: groups.length,
        // Without the time since each was delivered.
        pending: (pending as unknown[][]).map(([id, consumer, , count]) => [id, consumer, count]),
      };
    }
    default:
      throw new Error(`nothing of Weir's is a ${type}`);
  }
}

type State = Map<string, { type: string; expires: boolean; content: unknown }>;

/** All that Redis holds. */
async function stateOf(client: Redis): Promise<State> {
  const keys = (await client.keys("*")).sort();
  return new Map(
    await Promise.all(keys.map(async (key) => {
      const type = await client.type(key);
      const expires = await client.pttl(key) > 0;
      return [key, { type, expires, content: await contentOf(client, key, type) }] as const;
    })),
  );
}

/** The states in which there are jobs. */
function statesOf(state: State): string[] {
  const records = [...state].filter(([key]) => key.startsWith(KEYS.job("" as JobId)));
  assert(records.length > JOBS);
  const states = records.map(([, { content }]) =>
    new Map(content as [string, string][]).get("state")
  );
  return [...new Set(states as string[])].sort();
}

/** Asserts that a server that reads what is on disk has a state. */
async function assertLoads(
  options: Omit<RedisServerOptions, "executable">,
  state: State,
): Promise<void> {
  await using server = await RedisServer.start({ executable: "redis-server", ...options });
  const client = new Redis(server.url);
  try {
    assert.deepEqual(await stateOf(client), state);
    if (options.settings?.appendonly === "no") return;
    await client.bgrewriteaof();
    await until("the append-only file is rewritten", async () => {
      return /aof_rewrite_in_progress:0/.test(await client.info("persistence"));
    });
    assert.match(await client.info("persistence"), /aof_last_bgrewrite_status:ok/);
  } finally {
    client.disconnect();
  }
}

Deno.test("after thousands of jobs, RDB and AOF bring back the same state, to go on from", async () => {
  await using folder = await tempFolder();
  await using copy = await tempFolder();
  await using outliving = new AsyncDisposableStack();
  await using weir = await startWeir({ workers: 2, redis: { folder: folder.path }, env: ENV });
  await printingLog(weir, async () => {
    const { workers, gateways: [gateway], redis: { client, server } } = weir;
    await inParallel(JOBS, CLIENTS, (i) => busy(weir, i));
    for (const worker of workers) await weir.stopWorker(worker);
    await killWithJobs(weir, 0);
    const undertaker = await weir.startWorker();
    await until("dead letters", async () => await client.hlen(KEYS.deadIndex()) === BEGUN);
    await weir.stopWorker(undertaker);
    const left = await killWithJobs(weir, QUEUED);
    for (const id of left.slice(0, CANCELLED)) await cancel(weir, id);
    gateway!.kill("SIGKILL");
    await gateway!.ended;

    const state = await stateOf(client);
    const stream = state.get(KEYS.jobs("colour", 0))!.content as Record<string, unknown[]>;
    assert.deepEqual([stream.entries!.length, stream.pending!.length], [BEGUN + QUEUED, BEGUN]);
    assert.deepEqual(statesOf(state), [...LIVE_STATES, ...FINAL_STATES].sort());
    await client.save();
    await Deno.copyFile(join(folder.path, "dump.rdb"), join(copy.path, "dump.rdb"));
    // It would speak of every attempt to reconnect.
    client.on("error", () => {});
    await server[Symbol.asyncDispose]();
    await assertLoads({ folder: copy.path, settings: { appendonly: "no" } }, state);
    await assertLoads({ folder: folder.path }, state);
    await assertLoads({ folder: folder.path }, state);

    const { address } = server;
    const data = { folder: folder.path, address };
    outliving.use(await RedisServer.start({ executable: "redis-server", ...data }));
    const last = await weir.startWorker();
    await until("what was left is done", async () => await client.zcard(KEYS.deadlines()) === 0);
    await weir.stopWorker(last);
    await weir.assertEmpty();
  });
});
