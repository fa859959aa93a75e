import assert from "node:assert/strict";
import { CARD, keys, MODEL } from "../testing/broker.ts";
import { testRedis } from "../testing/redis.ts";
import { RedisMaintenance } from "./maintenance.ts";
import { RedisDirectory, RedisWorkerRegistry } from "./registry.ts";

Deno.test("a worker lives for a lifetime of any length, not of whole milliseconds alone", async () => {
  await using redis = await testRedis();
  const { client, shard } = redis;
  const registry = new RedisWorkerRegistry({ shard, worker: "w1", lifetimeMs: 7_501.5 });
  await registry.announce({ name: "w1", engine: "wasm", models: [CARD] });
  await registry.beat();
  assert.deepEqual(await new RedisDirectory([shard]).models(), [{ card: CARD, workers: 1 }]);
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
    const registry = new RedisWorkerRegistry({ shard, worker, lifetimeMs: 60_000 });
    await registry.announce({ name: worker, engine: "wasm", models });
  }
  const served = (await new RedisDirectory([shard]).models()).map(({ card, workers }) =>
    [card.name, workers] as const
  );
  assert.deepEqual(new Map(served), new Map([[MODEL, 2], ["imagenet", 1]]));
});

Deno.test("a worker and a maintainer stay what they are while redis' memory is used up", async () => {
  await using redis = await testRedis({ settings: { "maxmemory-policy": "noeviction" } });
  const { client, shard } = redis;
  const registry = new RedisWorkerRegistry({ shard, worker: "w1", lifetimeMs: 60_000 });
  const maintenance = new RedisMaintenance({ shard, token: "w1", leaseMs: 60_000 });
  await registry.announce({ name: "w1", engine: "wasm", models: [CARD] });
  await maintenance.elect();
  const names = [keys.beat("w1"), keys.maintainer()];
  for (const name of names) await client.pexpire(name, 30_000);
  await client.config("SET", "maxmemory", 1);
  await registry.beat();
  assert.equal(await maintenance.elect(), true);
  for (const name of names) assert(await client.pttl(name) > 30_000, name);
});
