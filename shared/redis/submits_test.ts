import assert from "node:assert/strict";
import { commandCalls, loadOf } from "../testing/redis.ts";
import {
  assertDrained,
  type Broker,
  forever,
  keys,
  MODEL,
  newJob,
  openBroker,
  submit,
  success,
} from "../testing/broker.ts";
import { BrokerUnavailable } from "../broker.ts";
import type { NewJob } from "../job.ts";
import { laneOf } from "./keys.ts";
import { Submits } from "./submits.ts";

const OTHER = "other";

/** Names of API keys whose jobs take different lanes. */
const [ANN, BOB] = ["ann", "bob"] as const;

Deno.test("jobs that come while one is on its way are submitted in one step", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const before = await commandCalls(client);
  const ids = await Promise.all(Array.from({ length: 20 }, () => submit(broker)));
  const after = await commandCalls(client);
  const calls = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  assert.deepEqual(["exec", "eval", "zadd", "xadd"].map(calls), [2, 2, 2, 20]);
  const deliveries = await broker.source.read(64, forever);
  assert.deepEqual(deliveries.map(({ id }) => id), ids);
  await broker.source.begin(deliveries);
  await broker.source.settle(deliveries.map((delivery) => success(delivery)));
  await assertDrained(broker);
});

Deno.test("each job of a group has its own verdict, and a refused one leaves nothing", async () => {
  assert.notEqual(laneOf(ANN), laneOf(BOB));
  await using broker = await openBroker({ jobsMax: 4 });
  const { client } = broker.redis;
  const wanted = { digest: "d1", fingerprint: "f1" };
  const other = { digest: "d1", fingerprint: "f2" };
  const bytes = new Uint8Array(100);
  // The first goes alone; all others go together.
  const jobs: NewJob[] = [
    newJob(),
    newJob({ owner: ANN, idempotency: wanted }),
    newJob({ model: OTHER, images: [{ bytes }, { bytes }] }),
    newJob({ owner: ANN, idempotency: wanted }),
    newJob({ owner: ANN, idempotency: other }),
    newJob({ owner: BOB }),
    // The last place is kept for lanes that have less than their share.
    newJob({ owner: BOB }),
  ];
  const verdicts = await Promise.all(jobs.map((job) => broker.queue.submit(job)));
  assert.deepEqual(verdicts.map(({ kind }) => kind), [
    ...["queued", "queued", "queued", "same", "mismatch"],
    ...["queued", "full"],
  ]);
  assert.deepEqual(verdicts[3], { kind: "same", id: jobs[1]!.id });
  for (const [i, { id }] of jobs.entries()) {
    const accepted = verdicts[i]!.kind === "queued";
    assert.equal((await broker.queue.get(id))?.state, accepted ? "queued" : undefined);
  }
  const length = (owner: string, model = MODEL) => client.xlen(keys.jobs(model, laneOf(owner)));
  assert.deepEqual(
    await Promise.all([length(""), length(ANN), length(BOB), length("", OTHER)]),
    [1, 1, 1, 1],
  );
  assert.deepEqual(await loadOf(client, keys.load(MODEL)), { jobs: 3, bytes: 12, images: 3 });
  assert.deepEqual(await loadOf(client, keys.load(OTHER)), { jobs: 1, bytes: 200, images: 2 });
  assert.equal(await client.hlen(keys.load(MODEL)), 5);
  assert.equal(await client.zcard(keys.deadlines()), 4);
});

/** Submits as a gateway that finds its commands under way by their number, from 1. */
function submitsWith(
  { shard }: Broker,
  jobsMax: number,
  onCall: (number: number, call: () => Promise<unknown>) => Promise<unknown>,
): Submits {
  let calls = 0;
  const run: typeof shard.run = (call) => {
    const number = ++calls;
    return shard.run((client) => onCall(number, () => call(client)) as ReturnType<typeof call>);
  };
  const admission = { jobsMax, bytesMax: 1_000_000 };
  return new Submits({ shard: { keys, run }, gateway: "g1", admission });
}

Deno.test("a refused submit that is sent twice lowers nothing", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  await submit(broker);
  // The first reply is lost.
  const submits = submitsWith(broker, 1, async (number, call) => {
    if (number === 1) await call();
    return await call();
  });
  assert.equal((await submits.submit(newJob())).kind, "full");
  const deliveries = await broker.source.read(64, forever);
  const verdicts = await broker.source.begin(deliveries);
  assert.deepEqual(verdicts.map(({ kind }) => kind), ["run", "drop"]);
  assert.deepEqual(await loadOf(client, keys.load(MODEL)), { jobs: 1, bytes: 4, images: 1 });
  await broker.source.settle([success(deliveries[0]!)]);
  await assertDrained(broker);
});

Deno.test("each job of a group has its verdict, though what was refused cannot be taken back", async () => {
  await using broker = await openBroker();
  const submits = submitsWith(broker, 2, (number, call) => {
    if (number < 3) return call();
    throw new BrokerUnavailable("away", "gone meanwhile", { untouched: true });
  });
  const jobs = [newJob(), newJob(), newJob()];
  const verdicts = await Promise.all(jobs.map((job) => submits.submit(job)));
  assert.deepEqual(verdicts.map(({ kind }) => kind), ["queued", "queued", "full"]);
});
