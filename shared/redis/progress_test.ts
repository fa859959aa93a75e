/** How far a job has come, as its record has it and as gateways are told. */
import assert from "node:assert/strict";
import type { Delivery, JobEvent, Progress } from "../broker.ts";
import { classesOf, type ImageAnswer, type JobId } from "../job.ts";
import {
  assertDrained,
  attach,
  type Broker,
  forever,
  keys,
  MODEL,
  openBroker,
  readOne,
  submit,
} from "../testing/broker.ts";
import { commandCalls } from "../testing/redis.ts";

const IMAGES = 4;

function answerOf(image: number, worker = "w1"): ImageAnswer {
  return { predictions: [{ label: `${image} by ${worker}`, probability: 0.5 }] };
}

/** Answers of some images, the last one left out. */
function answersOf(from: number, to: number, worker?: string): ImageAnswer[] {
  return Array.from({ length: to - from }, (_, i) => answerOf(from + i, worker));
}

function progressOf(
  delivery: Delivery,
  from: number,
  to: number,
  { tell = "g1", worker = "w1" } = {},
): Progress {
  return { delivery, tell, from, answers: answersOf(from, to, worker) };
}

interface Begun {
  readonly id: JobId;
  readonly delivery: Delivery;
}

/** Has a job of some images begun, followed from the beginning or not. */
async function begin(broker: Broker, { followed = true } = {}): Promise<Begun> {
  const images = Array.from({ length: IMAGES }, (_, i) => ({ bytes: new Uint8Array([i]) }));
  const id = await submit(broker, { images });
  if (followed) await attach(broker.queue, id, { progress: true });
  const delivery = await readOne(broker.source);
  const [verdict] = await broker.source.begin([delivery]);
  assert.partialDeepStrictEqual(verdict, { kind: "run", attempt: 1, tell: "g1" });
  return { id, delivery };
}

function succeed(
  { source }: Pick<Broker, "source">,
  delivery: Delivery,
  results: readonly ImageAnswer[],
): Promise<unknown> {
  const outcome = { state: "succeeded", results, timings: {} } as const;
  return source.settle([{ delivery, tell: "g1", outcome }]);
}

/** Takes a delivery over for another worker, as a claim does. */
async function claim(broker: Broker, worker: string, { entry }: Delivery): Promise<void> {
  await broker.redis.client.xclaim(keys.jobs(MODEL, 0), "workers", worker, 0, entry);
}

/** The news that a gateway has been told of, without reading its feed to the end. */
async function told({ feed }: Broker, count: number): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  const stop = new AbortController();
  for await (const item of feed.items(stop.signal)) {
    if (item.kind === "event" && events.push(item.event) === count) break;
  }
  return events;
}

function shortOf({ from, record: { state, images, results } }: JobEvent): unknown {
  return [state, from, images.done, results?.map((answer) => classesOf(answer)[0]!.label)];
}

Deno.test("a followed job tells of its beginning, of each answer once, and of its end", async () => {
  await using broker = await openBroker();
  const { id, delivery } = await begin(broker);
  await broker.source.progress([progressOf(delivery, 0, 1)]);
  // As a resend after a lost reply does it, and one that knows more meanwhile.
  await broker.source.progress([progressOf(delivery, 0, 1)]);
  await broker.source.progress([progressOf(delivery, 0, 3)]);
  const record = await broker.queue.get(id);
  assert.deepEqual([record?.state, record?.images.done], ["running", 3]);
  assert.deepEqual(record?.results, answersOf(0, 3));
  await succeed(broker, delivery, answersOf(0, IMAGES));
  assert.deepEqual((await told(broker, 5)).map(shortOf), [
    ["running", 0, 0, undefined],
    ["running", 0, 1, ["0 by w1"]],
    ["running", 1, 1, undefined],
    ["running", 1, 3, ["1 by w1", "2 by w1"]],
    ["succeeded", 0, 4, ["0 by w1", "1 by w1", "2 by w1", "3 by w1"]],
  ]);
  assert.equal((await broker.queue.get(id))?.startedAt, record?.startedAt);
  await assertDrained(broker);
});

Deno.test("a job that nobody follows has its answers kept, and only its end told", async () => {
  await using broker = await openBroker();
  const { id, delivery } = await begin(broker, { followed: false });
  await broker.source.progress([progressOf(delivery, 0, 2)]);
  assert.equal((await broker.queue.get(id))?.images.done, 2);
  assert.equal(await broker.redis.client.xlen(keys.results("g1")), 1, "its first entry");
  await succeed(broker, delivery, answersOf(0, IMAGES));
  assert.deepEqual((await told(broker, 1)).map(({ record }) => record.state), ["succeeded"]);
});

Deno.test("a job of one image that nobody follows costs as many commands as ever", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const one = async () => {
    const id = await submit(broker);
    const delivery = await readOne(broker.source);
    await broker.source.begin([delivery]);
    await succeed(broker, delivery, answersOf(0, 1));
    return id;
  };
  await one();
  const before = await commandCalls(client);
  const id = await one();
  const after = await commandCalls(client);
  const calls = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  assert.deepEqual([calls("eval"), calls("evalsha"), calls("xadd")], [1, 2, 2]);
  const fields = await client.hkeys(keys.job(id));
  assert.deepEqual(fields.filter((name) => ["followed", "kept", "from"].includes(name)), []);
});

Deno.test("the next attempt goes on where the last one ended, and what was told stays", async () => {
  await using broker = await openBroker();
  const { id, delivery } = await begin(broker);
  await broker.source.progress([progressOf(delivery, 0, 2)]);
  using next = broker.worker("w2");
  await claim(broker, "w2", delivery);
  assert.partialDeepStrictEqual(await next.begin([delivery]), [
    { kind: "run", attempt: 2, tell: "g1", done: 2 },
  ]);
  await broker.source.progress([progressOf(delivery, 2, 3)]);
  assert.equal((await broker.queue.get(id))?.images.done, 2, "the first worker is passed over");
  await next.progress([progressOf(delivery, 2, 3, { worker: "w2" })]);
  await next.settle([{
    delivery,
    tell: "g1",
    outcome: { state: "succeeded", results: answersOf(2, IMAGES, "w2"), timings: {} },
  }]);
  assert.deepEqual((await broker.queue.get(id))?.results, [
    ...answersOf(0, 2),
    ...answersOf(2, 4, "w2"),
  ]);
  await assertDrained(broker);
});

Deno.test("a stale worker that is first to end a job leaves the answers that were told", async () => {
  await using broker = await openBroker();
  const { id, delivery } = await begin(broker);
  using next = broker.worker("w2");
  await claim(broker, "w2", delivery);
  await next.begin([delivery]);
  await next.progress([progressOf(delivery, 0, 3, { worker: "w2" })]);
  assert.deepEqual(await succeed(broker, delivery, answersOf(0, IMAGES)), ["succeeded"]);
  assert.deepEqual((await broker.queue.get(id))?.results, [
    ...answersOf(0, 3, "w2"),
    answerOf(3),
  ]);
  await assertDrained(broker);
});

Deno.test("an attempt that built on answers which Redis has forgotten does not end the job", async () => {
  await using broker = await openBroker();
  const { id, delivery } = await begin(broker);
  await broker.source.progress([progressOf(delivery, 0, 2)]);
  await broker.redis.client.hdel(keys.job(id), "done", "results");
  await broker.source.progress([progressOf(delivery, 2, 3)]);
  assert.equal((await broker.queue.get(id))?.images.done, 0);
  assert.deepEqual(await succeed(broker, delivery, answersOf(2, IMAGES)), ["late"]);
  assert.equal((await broker.queue.get(id))?.state, "running");
  assert.deepEqual(await succeed(broker, delivery, answersOf(0, IMAGES)), ["succeeded"]);
});

for (const answers of [0, 1, 2]) {
  Deno.test(`a job keeps the ${answers} answers that fit while it goes on, and all in the end`, async () => {
    const text = JSON.stringify(answerOf(0));
    const partialBytesMax = Math.max(0, answers * (text.length + 1) - 1);
    await using broker = await openBroker({ partialBytesMax });
    const { id, delivery } = await begin(broker);
    for (let image = 0; image < 3; image++) {
      await broker.source.progress([progressOf(delivery, image, image + 1)]);
    }
    const record = await broker.queue.get(id);
    assert.equal(record?.images.done, 3);
    assert.deepEqual(record.results ?? [], answersOf(0, answers));
    // All were told all the same.
    assert.deepEqual(
      (await told(broker, 4)).map(shortOf).slice(1),
      [0, 1, 2].map((image) => ["running", image, image + 1, [`${image} by w1`]]),
    );
    // The next attempt has to answer what was not kept, and tells it no second time.
    using next = broker.worker("w2");
    await claim(broker, "w2", delivery);
    const [verdict] = await next.begin([delivery]);
    assert.equal(verdict?.kind === "run" && (verdict.done ?? 0), answers);
    await next.progress([progressOf(delivery, answers, 3, { worker: "w2" })]);
    const results = answersOf(answers, IMAGES, "w2");
    await next.settle([
      { delivery, tell: "g1", outcome: { state: "succeeded", results, timings: {} } },
    ]);
    const [begun, again, end] = await told(broker, 3);
    assert.deepEqual([begun, again].map((event) => event!.record.results), [undefined, undefined]);
    assert.deepEqual(end?.record.results, [...answersOf(0, answers), ...results]);
    await assertDrained(broker);
  });
}

Deno.test("a job that ended without an answer to all keeps those that there are", async () => {
  await using broker = await openBroker();
  const { id, delivery } = await begin(broker);
  await broker.source.progress([progressOf(delivery, 0, 2)]);
  await broker.queue.conclude(id, "cancelled");
  await broker.source.progress([progressOf(delivery, 2, 3)]);
  const record = await broker.queue.get(id);
  assert.deepEqual([record?.state, record?.images.done], ["cancelled", 2]);
  assert.deepEqual(record?.results, answersOf(0, 2));
  assert.deepEqual(await succeed(broker, delivery, answersOf(0, IMAGES)), ["late"]);
  assert.deepEqual((await broker.queue.get(id))?.results, answersOf(0, 2));
  await assertDrained(broker);
});

Deno.test("a gateway that joins in the middle is told of the rest, as all who wait are", async () => {
  await using broker = await openBroker();
  const { id, delivery } = await begin(broker, { followed: false });
  await broker.source.progress([progressOf(delivery, 0, 2)]);
  await broker.redis.client.xadd(keys.results("g2"), "*", "hello", "g2");
  const joined = await attach(broker.gateway("g2"), id, { progress: true });
  assert.deepEqual(joined?.results, answersOf(0, 2));
  await broker.source.progress([progressOf(delivery, 2, 3)]);
  assert.deepEqual((await told(broker, 1)).map(shortOf), [["running", 2, 3, ["2 by w1"]]]);
  assert.equal(await broker.redis.client.xlen(keys.results("g2")), 2);
});

Deno.test("a record that is gone is not written again by progress or by who attaches", async () => {
  await using broker = await openBroker();
  const { id, delivery } = await begin(broker);
  await broker.redis.client.del(keys.job(id));
  await broker.source.progress([progressOf(delivery, 0, 2)]);
  assert.equal(await attach(broker.queue, id, { progress: true }), undefined);
  assert.equal(await broker.redis.client.exists(keys.job(id)), 0);
});

Deno.test("many are attached at once, in their order, and twice does no harm", async () => {
  await using broker = await openBroker();
  const ids = await Promise.all(Array.from({ length: 20 }, () => submit(broker)));
  const asked = [...ids, ids[0]!].map((id) => ({ id, progress: true }));
  const records = await broker.gateway("g2").attach(asked);
  assert.deepEqual(records.map((record) => record?.id), asked.map(({ id }) => id));
  assert.equal(await broker.redis.client.hget(keys.job(ids[0]!), "tell"), "g1 g2");
  assert.deepEqual(await broker.queue.attach([]), []);
});

Deno.test("a gateway whose stream is gone keeps no job that it follows from being run", async () => {
  await using broker = await openBroker();
  const images = [{ bytes: new Uint8Array([1]) }];
  const id = await submit(broker, { images });
  await attach(broker.queue, id, { progress: true });
  const [delivery] = await broker.source.read(1, forever);
  await broker.redis.client.del(keys.results("g1"));
  assert.equal((await broker.source.begin([delivery!]))[0]?.kind, "run");
});
