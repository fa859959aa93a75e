/** What an overview tells of a deployment, on a real Redis. */
import assert from "node:assert/strict";
import { systemClock } from "../clock.ts";
import type { ModelOverview, Overview } from "../overview.ts";
import {
  announceWorker,
  bury,
  keys,
  MODEL,
  newJob,
  openBroker,
  readOne,
  submit,
  success,
  testShards,
} from "../testing/broker.ts";
import { TestCluster } from "../testing/cluster.ts";
import { keptLog } from "../testing/kept_log.ts";
import { commandCalls, freeze, testRedis } from "../testing/redis.ts";
import { GROUP, laneOf } from "./keys.ts";
import { RedisJobQueue } from "./job_queue.ts";
import { RedisOverviews } from "./overview.ts";
import { Shards } from "./shard.ts";

const LIFETIME_MS = 60_000;

function overviewsOf(shards: Shards): RedisOverviews {
  return new RedisOverviews({ shards, clock: systemClock });
}

/** The only model, its ages left out. */
function onlyModel({ models }: Overview): Omit<ModelOverview, "oldestMs"> {
  assert.equal(models.length, 1);
  const { oldestMs: _, ...model } = models[0]!;
  return model;
}

const IDLE = {
  model: MODEL,
  workers: 0,
  jobs: 0,
  bytes: 0,
  pending: 0,
  deadLetters: 0,
  deadBytes: 0,
};

Deno.test("an overview tells of a model's jobs from their submit to their end", async () => {
  await using broker = await openBroker();
  const overviews = overviewsOf(broker.shards);
  const idle = await overviews.read();
  assert.deepEqual(onlyModel(idle), IDLE);
  assert.equal(idle.models[0]!.oldestMs, 0);

  await submit(broker);
  await submit(broker);
  assert.deepEqual(onlyModel(await overviews.read()), { ...IDLE, jobs: 2, bytes: 8 });
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  assert.deepEqual(onlyModel(await overviews.read()), { ...IDLE, jobs: 2, bytes: 8, pending: 1 });
  await broker.source.settle([success(delivery)]);
  assert.deepEqual(onlyModel(await overviews.read()), { ...IDLE, jobs: 1, bytes: 4 });
});

Deno.test("an overview tells of dead letters and their bytes", async () => {
  await using broker = await openBroker();
  const overviews = overviewsOf(broker.shards);
  await bury(broker);
  const id = await bury(broker);
  assert.deepEqual(onlyModel(await overviews.read()), { ...IDLE, deadLetters: 2, deadBytes: 8 });
  await broker.letters.discard(id);
  assert.deepEqual(onlyModel(await overviews.read()), { ...IDLE, deadLetters: 1, deadBytes: 4 });
});

/** Owners whose jobs are in two lanes. */
const [ADA, BOB] = ["ada", "bob"] as const;

Deno.test("the oldest job is the oldest of all lanes, in somebody's hands or waiting", async () => {
  await using broker = await openBroker();
  const { redis: { client }, shards } = broker;
  assert.notEqual(laneOf(ADA), laneOf(BOB));
  const overviews = overviewsOf(shards);
  const laneKeyOf = (owner: string) => keys.jobs(MODEL, laneOf(owner));
  /** An entry as it would be, had it been added so long ago. */
  const addAgo = async (owner: string, ms: number) => {
    const [s, us] = await client.time();
    const at = Number(s) * 1000 + Math.floor(Number(us) / 1000) - ms;
    await client.xadd(laneKeyOf(owner), `${at}-0`, "id", "x", "image", "…");
    await client.hincrby(keys.load(MODEL), "jobs", 1);
  };
  const oldestMs = async () => (await overviews.read()).models[0]!.oldestMs;
  const assertAbout = async (ms: number) => {
    const found = await oldestMs();
    assert(found >= ms && found < ms + 5_000, `${found} is not about ${ms}`);
  };
  const take = (owner: string) =>
    client.xreadgroup("GROUP", GROUP, "w9", "COUNT", 1, "STREAMS", laneKeyOf(owner), ">");
  await addAgo(ADA, 20_000);
  await assertAbout(20_000);
  await addAgo(BOB, 30_000);
  await addAgo(BOB, 10_000);
  await assertAbout(30_000);
  await take(BOB);
  await assertAbout(30_000);
  await take(ADA);
  await assertAbout(30_000);
  await client.xtrim(laneKeyOf(BOB), "MAXLEN", 1);
  await client.xgroup("DELCONSUMER", laneKeyOf(BOB), GROUP, "w9");
  await assertAbout(20_000);
});

Deno.test("an image is read of a lane that nobody reads once, not at every look", async () => {
  await using broker = await openBroker();
  const { redis: { client }, shards } = broker;
  const overviews = overviewsOf(shards);
  const ranges = async () => (await commandCalls(client)).get("xrange") ?? 0;
  await submit(broker);
  await submit(broker);
  for (let looks = 0; looks < 3; looks++) await overviews.read();
  assert.equal(await ranges(), 1);
  const delivery = await readOne(broker.source);
  await overviews.read();
  assert.equal(await ranges(), 1, "what is in hand tells its age without it");
  await broker.source.begin([delivery]);
  await broker.source.settle([success(delivery)]);
  for (let looks = 0; looks < 3; looks++) await overviews.read();
  assert.equal(await ranges(), 2, "another one waits first now");
});

Deno.test("an overview tells which workers beat, and which gateways live", async () => {
  await using broker = await openBroker();
  const { shard, shards, redis: { client } } = broker;
  const overviews = overviewsOf(shards);
  const leaving = await announceWorker(shard);
  await announceWorker(shard, { worker: "w2", lifetimeMs: LIFETIME_MS });
  await client.pexpire(keys.beat("w2"), LIFETIME_MS - 20_000);
  const { workers, gateways, models } = await overviews.read();
  const [first, second] = workers;
  assert.deepEqual([first!.name, second!.name], ["w1", "w2"]);
  assert.deepEqual(first!.models, [MODEL]);
  assert.equal(first!.alive?.engine, "wasm");
  assert(first!.alive.beatMs < 5_000);
  assert(second!.alive!.beatMs >= 20_000 && second!.alive!.beatMs < 25_000);
  assert.equal(models[0]!.workers, 2);
  assert.deepEqual(gateways, ["g1"]);

  await leaving.leave();
  await client.del(keys.beat("w2"), keys.results("g1"));
  const later = await overviews.read();
  assert.deepEqual(later.workers, [{ name: "w2", models: [MODEL], alive: undefined }]);
  assert.equal(later.models[0]!.workers, 0);
  assert.deepEqual(later.gateways, []);
});

Deno.test("an overview tells how redis is, and is there while it is away", async () => {
  await using redis = await testRedis({ settings: { maxmemory: "64mb" } });
  using shards = await testShards({ settings: { ...redis.settings, timeoutMs: 200 } });
  const overviews = overviewsOf(shards);
  const { servers: [server] } = await overviews.read();
  assert.match(server!.version, /^\d+\.\d+/);
  assert.equal(server!.memoryBytesMax, 64 * 2 ** 20);
  assert(server!.memoryBytes > 100_000 && server!.memoryBytes < server!.memoryBytesMax);
  assert(server!.connections >= 2);
  assert(server!.commands > 0);

  using _ = await freeze(redis);
  let overview;
  do overview = await overviews.read(); while (!overview.shards[0]!.breakerOpen);
  assert.deepEqual({ ...overview, readAt: 0 }, {
    readAt: 0,
    shards: [{ number: 0, breakerOpen: true, read: false }],
    models: [],
    workers: [],
    gateways: [],
    servers: [],
  });
});

Deno.test("an idle deployment costs a look a dozen commands", async () => {
  await using broker = await openBroker();
  const { shard, shards, redis: { client } } = broker;
  await announceWorker(shard);
  const overviews = overviewsOf(shards);
  // The first one brings the scripts to Redis.
  await overviews.read();
  const before = await commandCalls(client);
  await overviews.read();
  const after = await commandCalls(client);
  const calls = [...after].map(([name, count]) => count - (before.get(name) ?? 0));
  const sent = calls.reduce((sum, count) => sum + count, 0);
  // 4 for who is there, INFO with its companion, 4 of the model, 3 of worker and gateway; and ours.
  assert(sent <= 14, `${sent}`);
});

Deno.test("the shards of a cluster are one deployment, and each server tells once", async () => {
  await using cluster = await TestCluster.start();
  using shards = await Shards.open({
    settings: { url: cluster.url, name: "test", timeoutMs: 5000 },
    count: 6,
    connectionsMax: 16,
    others: 0,
    clock: systemClock,
    log: keptLog(),
  });
  const admission = { jobsMax: 100, bytesMax: 1_000_000 };
  const queue = new RedisJobQueue({ shards, gateway: "g1", admission });
  for (const shard of shards.all) {
    await announceWorker(shard);
    const { id, ...job } = newJob();
    await queue.submit({ ...job, id: id.replace(/^0/, String(shard.number)) as typeof id });
  }
  const overview = await overviewsOf(shards).read();
  assert.deepEqual(onlyModel(overview), { ...IDLE, workers: 1, jobs: 6, bytes: 24 });
  assert.deepEqual(overview.workers.map(({ name }) => name), ["w1"]);
  assert.equal(overview.servers.length, 3);
  assert(overview.shards.every(({ read, breakerOpen }) => read && !breakerOpen));
});
