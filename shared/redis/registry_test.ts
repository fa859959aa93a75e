import assert from "node:assert/strict";
import { TIMEOUT_MAX_MS } from "../job.ts";
import { MODEL_KEEP_MS } from "../model_card.ts";
import { announceWorker, bury, CARD, keys, MODEL, openBroker } from "../testing/broker.ts";
import { ManualClock } from "../testing/manual_clock.ts";
import { testRedis } from "../testing/redis.ts";
import { RedisMaintenance } from "./maintenance.ts";
import { OFFER_MS, RedisDirectory, RedisWorkerRegistry } from "./registry.ts";

Deno.test("a worker lives for a lifetime of any length, not of whole milliseconds alone", async () => {
  await using redis = await testRedis();
  const { client, shard } = redis;
  const registry = await announceWorker(shard, { lifetimeMs: 7_501.5 });
  await registry.beat();
  assert.deepEqual(await new RedisDirectory([shard]).models(), [{
    card: CARD,
    workers: 1,
    versions: new Map([["1", 1]]),
  }]);
  assert(await client.pttl(keys.beat("w1")) > 0);
});

Deno.test("a lease lasts for any length, too", async () => {
  await using redis = await testRedis();
  const { client, shard } = redis;
  const maintenance = new RedisMaintenance({ shard, token: "a", leaseMs: 90_001.5 });
  assert.equal(await maintenance.elect(), true);
  assert(await client.pttl(keys.maintainer()) > 0);
});

Deno.test("a worker counts for the models it serves, and for no other", async () => {
  await using redis = await testRedis();
  const { shard } = redis;
  const other = { ...CARD, name: "imagenet", default: false };
  for (const [worker, models] of [["w1", [CARD]], ["w2", [CARD, other]]] as const) {
    await announceWorker(shard, { worker, models });
  }
  const served = (await new RedisDirectory([shard]).models()).map(({ card, workers }) =>
    [card.name, workers] as const
  );
  assert.deepEqual(new Map(served), new Map([[MODEL, 2], ["imagenet", 1]]));
});

Deno.test("a model's versions are counted by the workers that serve them, the lowest first", async () => {
  await using redis = await testRedis();
  const { shard } = redis;
  const next = { ...CARD, version: "10" };
  for (const [worker, models] of [["w1", [CARD, next]], ["w2", [next]]] as const) {
    await announceWorker(shard, { worker, models });
  }
  const [served] = await new RedisDirectory([shard]).models();
  assert.deepEqual([...served!.versions], [["1", 1], ["10", 2]]);
  assert.deepEqual([served!.card.version, served!.workers], ["10", 2]);
});

Deno.test("a worker that could not tell what it serves now lives on, and tells it with a beat", async () => {
  await using redis = await testRedis({ settings: { "maxmemory-policy": "noeviction" } });
  const { client, shard } = redis;
  const directory = new RedisDirectory([shard]);
  const registry = await announceWorker(shard);
  await client.pexpire(keys.beat("w1"), 1_000);
  await client.config("SET", "maxmemory", 1);
  const next = { name: "w1", engine: "wasm", models: [{ ...CARD, version: "2" }] };
  await assert.rejects(registry.announce(next));
  await assert.rejects(registry.beat());
  assert(await client.pttl(keys.beat("w1")) > 1_000);
  assert.equal((await directory.models())[0]?.card.version, "1");
  await client.config("SET", "maxmemory", 0);
  await registry.beat();
  assert.equal((await directory.models())[0]?.card.version, "2");
});

Deno.test("a worker and a maintainer stay what they are while redis' memory is used up", async () => {
  await using redis = await testRedis({ settings: { "maxmemory-policy": "noeviction" } });
  const { client, shard } = redis;
  const registry = await announceWorker(shard);
  const maintenance = new RedisMaintenance({ shard, token: "w1", leaseMs: 60_000 });
  await maintenance.elect();
  const names = [keys.beat("w1"), keys.maintainer()];
  for (const name of names) await client.pexpire(name, 30_000);
  await client.config("SET", "maxmemory", 1);
  await registry.beat();
  assert.equal(await maintenance.elect(), true);
  for (const name of names) assert(await client.pttl(name) > 30_000, name);
});

Deno.test("a model is offered for its time after the last worker, and anew every hour", async () => {
  await using redis = await testRedis();
  const { client, shard } = redis;
  const clock = new ManualClock();
  const directory = new RedisDirectory([shard]);
  const registry = new RedisWorkerRegistry({ shard, worker: "w1", lifetimeMs: 60_000, clock });
  const longest = MODEL_KEEP_MS + OFFER_MS;
  const assertOffered = async () => {
    assert.deepEqual(await directory.models(), [{
      card: CARD,
      workers: 1,
      versions: new Map([["1", 1]]),
    }]);
    const left = await client.pttl(keys.offered(MODEL));
    assert(left > longest - 60_000 && left <= longest, `${left} ms`);
  };
  await registry.announce({ name: "w1", engine: "wasm", models: [CARD] });
  await assertOffered();
  await client.pexpire(keys.offered(MODEL), MODEL_KEEP_MS);
  clock.advance(OFFER_MS - 1);
  await registry.beat();
  assert(await client.pttl(keys.offered(MODEL)) <= MODEL_KEEP_MS);
  clock.advance(1);
  await registry.beat();
  await assertOffered();
  await client.del(keys.offered(MODEL));
  assert.deepEqual(await directory.models(), []);
  clock.advance(OFFER_MS);
  await registry.beat();
  await assertOffered();
});

Deno.test("a model that is offered no more is forgotten once nothing of it can be done", async () => {
  await using broker = await openBroker();
  const { shard, letters, redis: { client } } = broker;
  const registry = await announceWorker(shard);
  const maintenance = new RedisMaintenance({ shard, token: "a", leaseMs: 60_000 });
  const forgets = async () => (await maintenance.run()).report.deadModels === 1;
  await registry.leave();
  const dead = await bury(broker);
  await maintenance.elect();

  assert.equal(await forgets(), false, "it is offered");
  await client.del(keys.offered(MODEL));
  assert.equal(await forgets(), false, "it has a dead letter");
  await letters.discard(dead);
  // An entry is as old as its id says.
  const [seconds] = await client.time() as unknown as [number];
  const stream = keys.jobs(MODEL, 0);
  const young = `${1000 * Number(seconds) - TIMEOUT_MAX_MS + 60_000}-0`;
  await client.del(stream);
  await client.xadd(stream, "1-0", "id", "overdue");
  await client.xadd(stream, young, "id", "in time");
  await client.hset(keys.load(MODEL), "jobs", 2, "bytes", 20);
  assert.equal(await forgets(), false, "a job may wait for a worker");
  await client.xdel(stream, young);
  assert.equal(await forgets(), true);
  assert.deepEqual((await client.keys("*")).filter((key) => key.includes(MODEL)), []);
  assert.equal(await client.exists(keys.models()), 0);
});
