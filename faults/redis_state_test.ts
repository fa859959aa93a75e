import assert from "node:assert/strict";
import { GROUP } from "../shared/redis/keys.ts";
import {
  announceWorker,
  bury,
  keys,
  MODEL,
  openBroker,
  readOne,
  submit,
  success,
} from "../shared/testing/broker.ts";
import { isEmpty, readRedisState, readRemains, readRunning } from "./redis_state.ts";
import { traceparentOf } from "./trace.ts";

Deno.test("what a job needs on its way is seen, and that nothing is left of it", async () => {
  await using broker = await openBroker();
  const { redis: { client }, source } = broker;
  await announceWorker(broker.shard);
  const id = await submit(broker, { traceparent: traceparentOf(41) });
  const queued = await readRedisState(client);
  assert.deepEqual(queued.records, [{ id, state: "queued", attempts: 0, submission: 41 }]);
  assert.equal(queued.streams[0]?.entries, 1);
  assert.equal(queued.streams[0]?.pending, 0);
  assert.deepEqual(queued.load, [{ model: MODEL, jobs: 1, bytes: 4, images: 1 }]);
  assert.equal(queued.deadlines, 1);
  assert.equal(isEmpty(queued), false);

  const delivery = await readOne(source);
  await source.begin([delivery]);
  assert.deepEqual([...await readRunning(client)], [["w1", 1]]);
  assert.equal((await readRemains(client)).streams[0]?.pending, 1);

  await source.settle([success(delivery)]);
  const done = await readRedisState(client);
  assert.match(done.records[0]!.finishedAt!, /^20\d\d-.*Z$/);
  assert.equal(done.records[0]!.attempts, 1);
  assert.equal(isEmpty(done), true);
});

Deno.test("an entry that a worker forgot to delete is seen", async () => {
  await using broker = await openBroker();
  const { redis: { client } } = broker;
  await announceWorker(broker.shard);
  await submit(broker);
  const { model, lane, entry } = await readOne(broker.source);
  await client.xack(keys.jobs(model, lane), GROUP, entry);
  const { streams } = await readRemains(client);
  assert.deepEqual([streams[0]?.entries, streams[0]?.pending], [1, 0]);
});

Deno.test("dead letters and consumers of dead workers are seen", async () => {
  await using broker = await openBroker();
  const { redis: { client } } = broker;
  await announceWorker(broker.shard);
  await bury(broker);
  const alive = await readRemains(client);
  assert.equal(alive.deadLetters, 1);
  assert.deepEqual(alive.deadConsumers, []);
  await client.del(keys.beat("w1"));
  assert.deepEqual((await readRemains(client)).deadConsumers, ["w1"]);
});
