/** A model's lanes, and what is estimated of them, on a real Redis. */
import assert from "node:assert/strict";
import type { Delivery, Submitted } from "../broker.ts";
import type { NewJob } from "../job.ts";
import {
  assertDrained,
  type Broker,
  bury,
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
import { commandCalls, loadOf } from "../testing/redis.ts";
import { GROUP, laneOf, LANES } from "./keys.ts";

/** Owners of jobs, each with a lane of its own, by that. */
const OWNERS = Array.from({ length: LANES }, (_, lane) => {
  for (let i = 0;; i++) if (laneOf(`key${i}`) === lane) return `key${i}`;
});
const [FLOOD, QUIET] = OWNERS as [string, string];

function imagesOf(count: number): NewJob["images"] {
  return Array.from({ length: count }, () => ({ bytes: new Uint8Array(4) }));
}

Deno.test("API keys are spread over all lanes, and a key has always the same", () => {
  const lanes = Array.from({ length: 4000 }, (_, i) => laneOf(`client-${i}`));
  for (let lane = 0; lane < LANES; lane++) {
    const share = lanes.filter((other) => other === lane).length / lanes.length;
    assert(share > 0.5 / LANES && share < 2 / LANES, `lane ${lane}: ${share}`);
  }
  assert.equal(laneOf(""), 0);
});

Deno.test("a job goes to its owner's lane, and a worker that waits is woken by any", async () => {
  await using broker = await openBroker();
  for (const [lane, owner] of OWNERS.entries()) {
    const woken = readOne(broker.source);
    const id = await submit(broker, { owner });
    const delivery = await woken;
    assert.deepEqual([delivery.id, delivery.lane], [id, lane]);
    await broker.source.begin([delivery]);
    await broker.source.settle([success(delivery)]);
  }
  await assertDrained(broker);
});

Deno.test("a read takes so many jobs of each lane that it names, and of no other", async () => {
  await using broker = await openBroker();
  for (const owner of [FLOOD, FLOOD, FLOOD, QUIET, OWNERS[2]!]) await submit(broker, { owner });
  const lanesOf = (deliveries: readonly Delivery[]) => deliveries.map(({ lane }) => lane);
  const named = [0, 1].map((lane) => ({ model: MODEL, lane }));
  assert.deepEqual(lanesOf(await broker.source.readNow(2, named)), [0, 0, 1]);
  assert.deepEqual(lanesOf(await broker.source.readNow(2, named)), [0]);
  assert.deepEqual(await broker.source.readNow(2, named), []);
  assert.deepEqual(lanesOf(await broker.source.read(2, forever, named.slice(1))), []);
  assert.deepEqual(lanesOf(await broker.source.read(2, forever)), [2]);
});

Deno.test("what all lanes of a dead worker hold is claimed, and one look is one command", async () => {
  await using broker = await openBroker();
  using other = broker.worker("w2");
  const ids = await Promise.all(OWNERS.map((owner) => submit(broker, { owner })));
  assert.equal((await broker.source.read(1, forever)).length, LANES);
  while (await other.longestIdle() < CLAIM_IDLE_MS);
  const before = await commandCalls(broker.redis.client);
  assert(await other.longestIdle() >= CLAIM_IDLE_MS);
  const after = await commandCalls(broker.redis.client);
  assert.equal(after.get("evalsha")! - before.get("evalsha")!, 1);
  const claimed = await Array.fromAsync(other.claim(forever));
  assert.deepEqual(new Set(claimed.map(({ id }) => id)), new Set(ids));
  await other.begin(claimed);
  await other.settle(claimed.map((delivery) => success(delivery)));
  await broker.source.leave();
  for (const stream of keys.lanes(MODEL)) {
    const consumers = await broker.redis.client.xinfo("CONSUMERS", stream, GROUP) as string[][];
    assert.deepEqual(consumers.filter((fields) => fields.includes("w1")), []);
  }
  await assertDrained(broker);
});

Deno.test("one lane's group that is gone is made again, and no lane loses a job", async () => {
  await using broker = await openBroker();
  await broker.redis.client.xgroup("DESTROY", keys.jobs(MODEL, 1), GROUP);
  for (const owner of OWNERS) await submit(broker, { owner });
  assert.deepEqual(await broker.source.read(1, forever), []);
  assert.equal((await broker.source.read(1, forever)).length, LANES);
  await broker.redis.client.flushall();
  await submit(broker, { owner: QUIET });
  assert.deepEqual(await broker.source.readNow(1, broker.source.lanes), []);
  assert.equal((await broker.source.read(1, forever)).length, 1);
});

Deno.test("a replayed letter goes to the lane of whoever replays it", async () => {
  await using broker = await openBroker();
  const dead = await bury(broker, { owner: FLOOD });
  await broker.letters.replay(dead, { owner: QUIET, timeoutMs: 60_000, keepMs: 1000 });
  assert.equal((await readOne(broker.source)).lane, laneOf(QUIET));
});

Deno.test("what every way out of the queue leaves of the load is nothing", async () => {
  await using broker = await openBroker();
  const images = imagesOf(3);
  await bury(broker, { owner: QUIET, images });
  const cancelled = await submit(broker, { owner: QUIET, images });
  await submit(broker, { owner: FLOOD, images });
  await broker.queue.conclude(cancelled, "cancelled");
  assert.deepEqual(await loadOf(broker.redis.client, keys.load(MODEL)), {
    jobs: 2,
    bytes: 24,
    images: 6,
  });
  const deliveries = await broker.source.read(1, forever);
  await broker.source.begin(deliveries);
  assert.deepEqual(await loadOf(broker.redis.client, keys.load(MODEL)), {
    jobs: 1,
    bytes: 12,
    images: 3,
  });
  const [kept] = deliveries.filter(({ id }) => id !== cancelled);
  await broker.source.handBack([kept!]);
  assert.deepEqual(await loadOf(broker.redis.client, keys.load(MODEL)), {
    jobs: 1,
    bytes: 12,
    images: 3,
  });
  const again = await readOne(broker.source);
  await broker.source.begin([again]);
  await broker.source.settle([success(again)]);
  await assertDrained(broker);
});

/** Says that images are done at a rate, and submits a job that may wait so long. */
async function submitAt(
  { queue, redis: { client } }: Broker,
  imagesPerMs: number,
  overrides: Partial<NewJob>,
): Promise<Submitted> {
  await client.hset(keys.load(MODEL), "rate", imagesPerMs);
  return await queue.submit(newJob(overrides));
}

Deno.test("a job that may not wait so long is refused, with the time it would have waited", async () => {
  await using broker = await openBroker();
  for (let i = 0; i < 4; i++) await submit(broker, { owner: FLOOD, images: imagesOf(5) });
  const job = { owner: FLOOD, waitMaxMs: 2000 };
  assert.equal((await submitAt(broker, 0.01, job)).kind, "queued");
  assert.deepEqual(await submitAt(broker, 0.01, job), { kind: "slow", waitMs: 2100 });
  assert.equal((await submitAt(broker, 0.011, job)).kind, "queued");
  assert.equal((await submitAt(broker, 0.0001, { owner: FLOOD })).kind, "queued");
  assert.equal(await broker.redis.client.xlen(keys.jobs(MODEL, laneOf(FLOOD))), 7);
});

Deno.test("a lane of which workers have read all is not refused, however slow they were", async () => {
  await using broker = await openBroker();
  for (let i = 0; i < 4; i++) await submit(broker, { owner: FLOOD, images: imagesOf(5) });
  const job = { owner: FLOOD, waitMaxMs: 2000 };
  assert.equal((await submitAt(broker, 0.0001, job)).kind, "slow");
  await broker.source.read(4, forever);
  assert.equal((await submitAt(broker, 0.0001, job)).kind, "queued");
  assert.equal((await submitAt(broker, 0.0001, job)).kind, "slow");
});

Deno.test("while no rate is known, no job is refused for its wait", async () => {
  await using broker = await openBroker();
  for (let i = 0; i < 20; i++) await submit(broker, { owner: FLOOD, waitMaxMs: 1 });
});

Deno.test("a lane waits for its own jobs and for as many images of each other lane", async () => {
  await using broker = await openBroker();
  await submit(broker, { owner: FLOOD, images: imagesOf(50) });
  assert.equal((await submitAt(broker, 0.01, { owner: QUIET, waitMaxMs: 1 })).kind, "queued");
  await submit(broker, { owner: QUIET, images: imagesOf(9) });
  await submit(broker, { owner: OWNERS[2]!, images: imagesOf(3) });
  const waits = await Promise.all([FLOOD, QUIET, OWNERS[2]!, OWNERS[3]!].map(async (owner) => {
    const submitted = await submitAt(broker, 0.01, { owner, waitMaxMs: 0 });
    return submitted.kind === "slow" ? submitted.waitMs : submitted.kind;
  }));
  assert.deepEqual(waits, [6300, 2300, 900, "queued"]);
});

Deno.test("a flood leaves room within the bounds for lanes that have less", async () => {
  await using broker = await openBroker({ jobsMax: 16 });
  const kinds = async (owner: string, count: number) => {
    const kinds = [];
    for (let i = 0; i < count; i++) {
      kinds.push((await submitAt(broker, 0.001, { owner })).kind);
    }
    return kinds;
  };
  assert.deepEqual(await kinds(FLOOD, 15), [...Array(14).fill("queued"), "full"]);
  assert.deepEqual(await kinds(QUIET, 3), ["queued", "queued", "full"]);
  assert.deepEqual(await broker.queue.submit(newJob({ owner: OWNERS[2]! })), {
    kind: "full",
    load: { jobs: 16, bytes: 64 },
    waitMs: 0,
  });
});

Deno.test("without API keys the bounds are for the one lane alone", async () => {
  await using broker = await openBroker({ jobsMax: 16 });
  for (let i = 0; i < 16; i++) await submit(broker);
  assert.equal((await broker.queue.submit(newJob())).kind, "full");
});

/**
 * Does so many jobs of the queue as one batch; since the one before, so much time has passed by
 * Redis' clock, or a little more.
 */
async function doBatch(
  { source, redis: { client } }: Broker,
  jobs: number,
  ms: number,
): Promise<void> {
  const deliveries = await source.read(jobs, forever);
  assert.equal(deliveries.length, jobs);
  await source.begin(deliveries);
  const mark = await client.hget(keys.load(MODEL), "mark");
  if (mark !== null) await client.hset(keys.load(MODEL), "mark", Number(mark) - ms);
  await source.settle(deliveries.map((delivery) => success(delivery)));
}

async function rateOf({ redis: { client } }: Broker): Promise<number | undefined> {
  const rate = await client.hget(keys.load(MODEL), "rate");
  return rate === null ? undefined : Number(rate);
}

/** Asserts a rate, though each step took some time itself. */
async function assertRate(broker: Broker, imagesPerMs: number): Promise<void> {
  const rate = await rateOf(broker) ?? 0;
  assert(rate <= imagesPerMs * 1.05 && rate >= imagesPerMs * 0.8, `${rate}, not ${imagesPerMs}`);
}

Deno.test("the rate is what was done while more waited, from batch to batch", async () => {
  await using broker = await openBroker();
  for (let i = 0; i < 40; i++) await submit(broker, { images: imagesOf(2) });
  await doBatch(broker, 5, 0);
  assert.equal(await rateOf(broker), undefined);
  await doBatch(broker, 5, 10_000);
  await assertRate(broker, 0.001);
  // A time as long as the memory: of what was, the e-th part is left.
  await doBatch(broker, 5, 3000);
  const expected = 0.001 / Math.E + 10 / 3000 * (1 - 1 / Math.E);
  await assertRate(broker, expected);
  // After a time far shorter than the memory, almost all that was still counts.
  await doBatch(broker, 10, 1);
  await assertRate(broker, expected + 20 / 3000);
});

Deno.test("a long silence costs the rate no more than its memory", async () => {
  await using broker = await openBroker();
  for (let i = 0; i < 40; i++) await submit(broker);
  await doBatch(broker, 10, 0);
  await doBatch(broker, 10, 1000);
  await assertRate(broker, 0.01);
  await doBatch(broker, 1, 3_600_000);
  await assertRate(broker, 0.01 / Math.E);
});

Deno.test("a worker that has nothing more to do tells nothing of how fast it is", async () => {
  await using broker = await openBroker();
  for (let i = 0; i < 3; i++) {
    await submit(broker);
    await doBatch(broker, 1, 10_000);
  }
  assert.equal(await rateOf(broker), undefined);
});

Deno.test("a time without jobs is not one in which nothing was done", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  await submit(broker);
  await doBatch(broker, 1, 0);
  await client.hset(keys.load(MODEL), "mark", 1);
  for (let i = 0; i < 30; i++) await submit(broker);
  await doBatch(broker, 10, 3_600_000);
  await doBatch(broker, 10, 10_000);
  await assertRate(broker, 0.001);
});
