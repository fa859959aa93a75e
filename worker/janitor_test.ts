import assert from "node:assert/strict";
import { RedisMaintenance } from "../shared/redis/maintenance.ts";
import { CARD, keys, MODEL, openBroker, submit } from "../shared/testing/broker.ts";
import { type KeptLog, keptLog } from "../shared/testing/kept_log.ts";
import { type TestRedis, testRedis } from "../shared/testing/redis.ts";
import { Janitor } from "./janitor.ts";

function hire({ shard }: TestRedis, token: string): { janitor: Janitor; log: KeptLog } {
  const log = keptLog();
  const maintenance = new RedisMaintenance({ shard, token, leaseMs: 60_000 });
  return { janitor: new Janitor(maintenance, 0, log), log };
}

const said = ({ lines }: KeptLog) => lines.map(({ message }) => message);

Deno.test("one janitor of two is elected, and says so once", async () => {
  await using redis = await testRedis();
  const [first, second] = [hire(redis, "a"), hire(redis, "b")];
  for (let runs = 0; runs < 3; runs++) {
    await first.janitor.runOnce();
    await second.janitor.runOnce();
  }
  assert.deepEqual(said(first.log), ["elected as maintainer"]);
  assert.deepEqual(said(second.log), []);
});

Deno.test("a janitor that resigns makes room for the next at once", async () => {
  await using redis = await testRedis();
  const [first, second] = [hire(redis, "a"), hire(redis, "b")];
  await first.janitor.runOnce();
  await second.janitor.resign();
  await second.janitor.runOnce();
  assert.deepEqual(said(second.log), []);
  await first.janitor.resign();
  await second.janitor.runOnce();
  assert.deepEqual(said(second.log), ["elected as maintainer"]);
});

Deno.test("a janitor whose lease went to another stops and says so", async () => {
  await using redis = await testRedis();
  const [first, second] = [hire(redis, "a"), hire(redis, "b")];
  await first.janitor.runOnce();
  // As if its process had been frozen for longer than the lease.
  await redis.client.del(keys.maintainer());
  await second.janitor.runOnce();
  await first.janitor.runOnce();
  assert.deepEqual(said(first.log), ["elected as maintainer", "no longer the maintainer"]);
  await first.janitor.resign();
  assert.equal(await redis.client.get(keys.maintainer()), "b");
});

Deno.test("the elected janitor works and counts, the other does nothing", async () => {
  await using broker = await openBroker();
  const { redis } = broker;
  await redis.client.hset(keys.models(), MODEL, JSON.stringify(CARD));
  const id = await submit(broker, { timeoutMs: 1 });
  // Overdue by hand: no time has to pass.
  await redis.client.hset(keys.job(id), "deadline", 1);
  await redis.client.zadd(keys.deadlines(), 1, id);
  await redis.client.set(keys.maintainer(), "a");
  const [elected, other] = [hire(redis, "a"), hire(redis, "b")];
  await other.janitor.runOnce();
  assert.equal((await broker.queue.get(id))?.state, "queued");
  await elected.janitor.runOnce();
  assert.equal((await broker.queue.get(id))?.state, "expired");
  assert.deepEqual(elected.log.lines.at(-1), {
    level: "info",
    message: "maintenance done",
    fields: { shard: 0, trimmedEvents: 0, expiredJobs: 1, deadWorkers: 0, deadModels: 0 },
  });
});
