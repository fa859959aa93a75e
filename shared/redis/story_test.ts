import assert from "node:assert/strict";
import type { JobId } from "../job.ts";
import type { Fact, JobStory, Work } from "../story.ts";
import {
  attach,
  type Broker,
  bury,
  CLAIM_IDLE_MS,
  forever,
  keys,
  openBroker,
  readOne,
  submit,
  success,
} from "../testing/broker.ts";

const WORK: Work = {
  beginMs: 0.5,
  decodeMs: 4.25,
  waitMs: 0,
  inferMs: 9,
  batches: [{ number: 7, images: 2, jobs: 2, mates: ["0-other"], ms: 8.75 }],
};

async function storyOf({ queue }: Broker, id: JobId): Promise<JobStory> {
  const story = await queue.story(id);
  assert(story !== undefined);
  return story;
}

async function factsOf(broker: Broker, id: JobId): Promise<readonly Fact[]> {
  return (await storyOf(broker, id)).events.map(({ fact }) => fact);
}

function began(worker: string, attempt: number, delivery = attempt, from = 0): Fact {
  return { kind: "began", worker, attempt, delivery, from };
}

Deno.test("a job's story has who took it in, each step with its time, and what its work was", async () => {
  await using broker = await openBroker();
  const images = [{ bytes: new Uint8Array(300) }, { bytes: new Uint8Array(20) }];
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const id = await submit(broker, { images, traceparent });
  assert.deepEqual((await storyOf(broker, id)).events, []);
  await attach(broker.gateway("g2"), id);
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  await broker.source.begin([delivery]);
  const settled = await broker.source.settle([{ ...success(delivery, "g1 g2"), work: WORK }]);
  assert.deepEqual(settled, ["succeeded"]);
  const { record, events, keptUntil, readAt, ...rest } = await storyOf(broker, id);
  assert.deepEqual(rest, { bytes: 320, gateway: "g1", told: ["g1", "g2"], missed: ["g2"] });
  assert.equal(record.traceparent, traceparent);
  assert.deepEqual(events, [
    { at: record.startedAt, fact: began("w1", 1) },
    {
      at: record.finishedAt,
      fact: { kind: "ended", state: "succeeded", by: "w1", role: "worker", work: WORK },
    },
  ]);
  assert(readAt >= record.finishedAt!);
  assert(Math.abs(keptUntil - record.createdAt - 120_000) < 5_000);
});

Deno.test("a story tells of attempts that were put off, handed back and taken over", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  assert.equal(await broker.source.retry(delivery, CLAIM_IDLE_MS, WORK), true);
  await broker.source.begin([delivery]);
  using other = broker.worker("w2");
  while (await other.longestIdle() < CLAIM_IDLE_MS);
  const [claimed] = await Array.fromAsync(other.claim(forever));
  await other.begin([claimed!]);
  assert.equal(await other.handBack([claimed!]), 1);
  const again = await readOne(broker.source);
  await broker.source.begin([again]);
  assert.deepEqual(await factsOf(broker, id), [
    began("w1", 1),
    { kind: "put_off", worker: "w1", delayMs: CLAIM_IDLE_MS, work: WORK },
    began("w1", 2, 1),
    began("w2", 3, 2),
    { kind: "handed_back", worker: "w2" },
    began("w1", 3, 1),
  ]);
});

Deno.test("a story tells who cancelled a job, and who met its entry afterwards", async () => {
  await using broker = await openBroker();
  const [asked, left] = [await submit(broker), await submit(broker)];
  await broker.queue.conclude(asked, "cancelled");
  await broker.queue.abandon(left);
  const deliveries = [await readOne(broker.source), await readOne(broker.source)];
  await broker.source.begin([deliveries[0]!]);
  assert.equal(await broker.source.handBack([deliveries[1]!]), 0);
  const dropped = { kind: "dropped", worker: "w1" };
  const cancelled = { kind: "ended", state: "cancelled", by: "g1", role: "gateway" };
  assert.deepEqual(await factsOf(broker, asked), [{ ...cancelled, why: "asked" }, {
    ...dropped,
    delivery: 1,
  }]);
  assert.deepEqual(await factsOf(broker, left), [{ ...cancelled, why: "client_left" }, dropped]);
});

Deno.test("a story tells whether a gateway or a worker found a job expired", async () => {
  await using broker = await openBroker();
  const [met, waited] = [
    await submit(broker, { timeoutMs: 1 }),
    await submit(broker, { timeoutMs: 1 }),
  ];
  const delivery = await readOne(broker.source);
  while ((await broker.source.begin([delivery]))[0]!.kind !== "expired");
  const outcome = { state: "expired", timings: {}, delivery: 1 } as const;
  await broker.source.settle([{ delivery, tell: "g1", outcome }]);
  await broker.queue.conclude(waited, "expired");
  const expired = { kind: "ended", state: "expired" };
  const facts = await factsOf(broker, met);
  assert.deepEqual(facts.at(-1), { ...expired, by: "w1", role: "worker", delivery: 1 });
  assert.deepEqual(await factsOf(broker, waited), [{ ...expired, by: "g1", role: "gateway" }]);
});

Deno.test("a story tells how often the entry had been delivered to whoever met it too late", async () => {
  await using broker = await openBroker();
  const [met, expired] = [
    await submit(broker, { timeoutMs: 1 }),
    await submit(broker, { timeoutMs: 1 }),
  ];
  await broker.source.read(10, forever);
  while ((await broker.queue.conclude(expired, "expired"))?.state !== "expired");
  using other = broker.worker("w2");
  while (await other.longestIdle() < CLAIM_IDLE_MS);
  const claimed = await Array.fromAsync(other.claim(forever));
  const [late, dropped] = await other.begin(claimed);
  assert.deepEqual(late, { kind: "expired", tell: "g1", delivery: 2 });
  const outcome = { state: "expired", timings: {}, delivery: 2 } as const;
  await other.settle([{ delivery: claimed[0]!, tell: "g1", outcome }]);
  assert.deepEqual(dropped, { kind: "drop", reason: "expired" });
  const end = { kind: "ended", state: "expired" };
  assert.deepEqual(await factsOf(broker, met), [
    { ...end, by: "w2", role: "worker", delivery: 2 },
  ]);
  assert.deepEqual(await factsOf(broker, expired), [
    { ...end, by: "g1", role: "gateway" },
    { kind: "dropped", worker: "w2", delivery: 2 },
  ]);
});

Deno.test("a dead letter's story says so, and its replay names it", async () => {
  await using broker = await openBroker();
  const dead = await bury(broker);
  const ended = { kind: "ended", state: "failed", by: "w1", role: "worker", dead: true };
  assert.deepEqual((await factsOf(broker, dead)).at(-1), ended);
  const terms = { owner: "", timeoutMs: 60_000, keepMs: 60_000 };
  const replayed = await broker.letters.replay(dead, terms);
  assert(replayed.kind === "queued");
  assert.equal((await storyOf(broker, replayed.id)).replayOf, dead);
});

Deno.test("a gateway whose result stream is gone is not said to have been told", async () => {
  await using broker = await openBroker();
  const [done, cancelled] = [await submit(broker), await submit(broker)];
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  await broker.redis.client.del(keys.results("g1"));
  await broker.source.settle([success(delivery)]);
  await broker.queue.conclude(cancelled, "cancelled");
  for (const id of [done, cancelled]) {
    const { told, missed } = await storyOf(broker, id);
    assert.deepEqual([told, missed], [["g1"], ["g1"]]);
  }
});

Deno.test("a story is bounded, and its end is told all the same", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  for (let i = 0; i < 120; i++) {
    assert.equal(await broker.source.handBack([await readOne(broker.source)]), 1);
  }
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  await broker.source.settle([success(delivery)]);
  const text = await broker.redis.client.hget(keys.job(id), "story");
  assert(text!.length < 5_000, `${text!.length} bytes`);
  const facts = await factsOf(broker, id);
  assert.deepEqual(facts.slice(-2).map(({ kind }) => kind), ["more", "ended"]);
  assert.equal(facts.filter(({ kind }) => kind === "more").length, 1);
});

Deno.test("of a job without a record there is no story", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  await broker.redis.client.del(keys.job(id));
  assert.equal(await broker.queue.story(id), undefined);
});
