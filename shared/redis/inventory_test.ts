/** Whether maintenance notices what there is to do, on a real Redis. */
import assert from "node:assert/strict";
import {
  announceWorker,
  type Broker,
  keys,
  MODEL,
  openBroker,
  readOne,
  submit,
  success,
} from "../testing/broker.ts";
import { commandCalls } from "../testing/redis.ts";
import { Inventory, LOOKS_FOR_ALL } from "./inventory.ts";
import { RedisMaintenance } from "./maintenance.ts";

/** A shard with a gateway, a worker and a model, and nothing to be done. */
async function openQuiet(): Promise<{ broker: Broker; maintenance: RedisMaintenance }> {
  const broker = await openBroker();
  const { shard, redis: { client } } = broker;
  await announceWorker(shard);
  const maintenance = new RedisMaintenance({ shard, token: "a", leaseMs: 60_000 });
  await maintenance.elect();
  // What a gateway's stream begins with is trimmed in its time.
  await client.xtrim(keys.results("g1"), "MAXLEN", 0);
  assert.equal((await maintenance.run()).dueMs, Infinity);
  return { broker, maintenance };
}

/** Which of the looks in which all is looked for finds something first; 0 where none does. */
async function noticedAt(maintenance: RedisMaintenance): Promise<number> {
  for (let look = 1; look <= LOOKS_FOR_ALL; look++) if (await maintenance.look()) return look;
  return 0;
}

Deno.test("a quiet shard wants no run, and to see that costs five commands at most", async () => {
  const { broker, maintenance } = await openQuiet();
  await using _ = broker;
  const { client } = broker.redis;
  for (let looks = 0; looks < 2 * LOOKS_FOR_ALL; looks++) {
    const before = await commandCalls(client);
    await maintenance.elect();
    assert.equal(await maintenance.look(), false);
    const after = await commandCalls(client);
    const sent = [...after].filter(([name]) => name !== "info").map(([name, calls]) =>
      calls - (before.get(name) ?? 0)
    );
    assert(sent.reduce((sum, calls) => sum + calls, 0) <= 5, `look ${looks}: ${sent}`);
  }
});

Deno.test("a job that comes, and one that is done, are noticed at the next look", async () => {
  const { broker, maintenance } = await openQuiet();
  await using _ = broker;
  const { client } = broker.redis;
  await submit(broker);
  assert.equal(await maintenance.look(), true);
  assert(Number.isFinite((await maintenance.run()).dueMs));
  assert.equal(await noticedAt(maintenance), 0, "it waits");

  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  await broker.source.settle([success(delivery)]);
  // As many jobs and bytes as before.
  await submit(broker);
  assert.equal(await maintenance.look(), true);
  assert.equal((await maintenance.run()).dueMs, 0, "its event is there");
  await client.del(keys.results("g1"));
  assert(Number.isFinite((await maintenance.run()).dueMs));
});

/** What nobody's job tells of. */
const UNTOLD: Readonly<Record<string, (broker: Broker) => Promise<unknown>>> = {
  "a gateway that is gone": ({ redis }) => redis.client.del(keys.results("g1")),
  "an event of a job that no worker had": ({ redis }) =>
    redis.client.xadd(keys.results("g1"), "*", "id", "cancelled"),
  "a worker that is dead": ({ redis }) => redis.client.del(keys.beat("w1")),
  "a model that nobody offers": ({ redis }) => redis.client.del(keys.offered(MODEL)),
  "a deadline that nobody knows of": ({ redis }) => redis.client.zadd(keys.deadlines(), 1, "job"),
};

for (const [what, happens] of Object.entries(UNTOLD)) {
  Deno.test(`${what} is noticed within ${LOOKS_FOR_ALL} looks`, async () => {
    const { broker, maintenance } = await openQuiet();
    await using _ = broker;
    await happens(broker);
    assert(await noticedAt(maintenance) > 0);
  });
}

Deno.test("a stream that is gone with its jobs is noticed, though the load is as it was", async () => {
  const { broker, maintenance } = await openQuiet();
  await using _ = broker;
  const { client } = broker.redis;
  await submit(broker);
  await maintenance.run();
  await client.del(keys.jobs(MODEL, 0));
  assert(await noticedAt(maintenance) > 0);
  await maintenance.run();
  assert.equal(await client.exists(keys.load(MODEL)), 0);
});

Deno.test("an inventory that has seen no run wants one", async () => {
  await using broker = await openBroker();
  assert.equal(await new Inventory(broker.shard).differs(), true);
});
