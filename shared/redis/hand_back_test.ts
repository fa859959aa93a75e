/** What a draining worker does not do itself, on a real Redis. */
import assert from "node:assert/strict";
import type { JobId } from "../job.ts";
import {
  assertDrained,
  type Broker,
  CLAIM_IDLE_MS,
  forever,
  keys,
  MODEL,
  newJob,
  openBroker,
  readOne,
  submit,
  success,
} from "../testing/broker.ts";

/** State and begun attempts of each job. */
async function recordsOf(
  { queue }: Broker,
  ids: readonly JobId[],
): Promise<unknown[]> {
  const records = await Promise.all(ids.map((id) => queue.get(id)));
  return records.map((record) => [record?.state, record?.attempts]);
}

Deno.test("a delivery that is handed back wakes another worker, whole and uncounted", async () => {
  await using broker = await openBroker();
  using other = broker.worker("w2");
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const images = [{ bytes: new Uint8Array([0, 255, 10]) }, { bytes: new Uint8Array([13, 0]) }];
  const id = await submit(broker, { images, top: 3, traceparent });
  const read = await readOne(broker.source);
  const woken = readOne(other);
  assert.equal(await broker.source.handBack([read]), 1);
  const { entry, ...delivery } = await woken;
  const { entry: former, ...expected } = read;
  assert.deepEqual(delivery, expected);
  assert.notEqual(entry, former);
  assert.deepEqual(await recordsOf(broker, [id]), [["queued", 0]]);
  const again = { ...delivery, entry };
  assert.partialDeepStrictEqual(await other.begin([again]), [{
    kind: "run",
    attempt: 1,
    tell: "g1",
  }]);
  assert.deepEqual(await other.settle([success(again)]), ["succeeded"]);
  await assertDrained(broker);
});

Deno.test("an attempt that is handed back does not count, one of a worker that died does", async () => {
  await using broker = await openBroker();
  using other = broker.worker("w2");
  const begun = await submit(broker);
  await broker.source.begin([await readOne(broker.source)]);
  while (await other.longestIdle() < CLAIM_IDLE_MS);
  const [claimed = assert.fail()] = await Array.fromAsync(other.claim(forever));
  assert.equal(await other.handBack([claimed]), 1);
  assert.deepEqual(await recordsOf(broker, [begun]), [["queued", 1]]);
  const again = await readOne(other);
  assert.partialDeepStrictEqual(await other.begin([again]), [{
    kind: "run",
    attempt: 2,
    tell: "g1",
  }]);
  assert.equal(await other.handBack([again]), 1);
  assert.deepEqual(await recordsOf(broker, [begun]), [["queued", 1]]);
});

Deno.test("a worker that handed everything back leaves the group, the others do not", async () => {
  await using broker = await openBroker();
  const { source, redis: { client } } = broker;
  const ids = [await submit(broker), await submit(broker)];
  const deliveries = await source.read(2, forever);
  await source.begin(deliveries);
  const consumers = async () => (await client.xinfo("CONSUMERS", keys.jobs(MODEL, 0), "workers"));
  await source.leave();
  assert.equal((await consumers() as unknown[]).length, 1);
  assert.equal(await source.handBack(deliveries), 2);
  assert.deepEqual(await recordsOf(broker, ids), [["queued", 0], ["queued", 0]]);
  await source.leave();
  assert.deepEqual(await consumers(), []);
});

Deno.test("a delivery that is another worker's is not handed back, nor is one twice", async () => {
  await using broker = await openBroker();
  const { source, redis: { client } } = broker;
  const [lost, own] = [await submit(broker), await submit(broker)];
  const deliveries = await source.read(2, forever);
  await client.xclaim(keys.jobs(MODEL, 0), "workers", "w2", 0, deliveries[0]!.entry);
  assert.equal(await source.handBack(deliveries), 1);
  assert.equal(await source.handBack(deliveries), 0);
  assert.deepEqual(await recordsOf(broker, [lost, own]), [["queued", 0], ["queued", 0]]);
  assert.equal(await client.xlen(keys.jobs(MODEL, 0)), 2);
  assert.equal(await client.hget(keys.load(MODEL), "jobs"), "2");
});

Deno.test("what nobody wants any more is dropped instead of being handed back", async () => {
  await using broker = await openBroker();
  const { queue, source, redis: { client } } = broker;
  const twice = newJob();
  await queue.submit(twice);
  await queue.submit(twice);
  const [cancelled, gone] = [await submit(broker), await submit(broker)];
  const deliveries = await source.read(4, forever);
  assert.equal((await source.begin(deliveries)).filter(({ kind }) => kind === "run").length, 3);
  await queue.conclude(cancelled, "cancelled");
  await client.del(keys.job(gone));
  await client.zrem(keys.deadlines(), gone);
  assert.equal(await source.handBack(deliveries), 1);
  assert.deepEqual(await recordsOf(broker, [twice.id, cancelled, gone]), [
    ["queued", 0],
    ["cancelled", 1],
    [undefined, undefined],
  ]);
  const again = await readOne(source);
  await source.begin([again]);
  await source.settle([success(again)]);
  await assertDrained(broker);
});

Deno.test("a copy that was submitted twice is bound to its job when it is handed back", async () => {
  await using broker = await openBroker();
  const job = newJob();
  await broker.queue.submit(job);
  await broker.queue.submit(job);
  const [first, second] = await broker.source.read(2, forever);
  assert.equal(await broker.source.handBack([first!]), 1);
  assert.equal(await broker.source.handBack([second!]), 0);
  const again = await readOne(broker.source);
  await broker.source.begin([again]);
  await broker.source.settle([success(again)]);
  await assertDrained(broker);
});

Deno.test("a delivery is handed back although Redis has no memory left", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const id = await submit(broker, { images: [{ bytes: new Uint8Array(100_000) }] });
  const read = await readOne(broker.source);
  await broker.source.begin([read]);
  await client.config("SET", "maxmemory", "1");
  await assert.rejects(submit(broker), /OOM/);
  assert.equal(await broker.source.handBack([read]), 1);
  assert.deepEqual(await recordsOf(broker, [id]), [["queued", 0]]);
});
