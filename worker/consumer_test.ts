import assert from "node:assert/strict";
import type { Delivery } from "../shared/broker.ts";
import { Tracing } from "../shared/tracing.ts";
import { Batcher } from "./batcher.ts";
import { Consumer } from "./consumer.ts";
import type { Decoded } from "./images/decode.ts";
import { WorkerMetrics } from "./metrics.ts";
import { BAD, MODEL, NUMBERS, pixelsOf, tableOf, testDelivery } from "./testing/jobs.ts";
import { openSettling, type Settling } from "./testing/settling.ts";

const BATCH_MAX = 2;
const BROKER_PAUSE_MS = 500;
const forever = new AbortController().signal;

interface Consuming extends Settling, AsyncDisposable {
  readonly batcher: Batcher;
  readonly consumer: Consumer;
  /** Stops reading and waits until the consumer has ended. */
  stop(): Promise<void>;
}

function decodeNumber(image: Uint8Array): Promise<Decoded> {
  return Promise.resolve(
    image[0] === BAD
      ? { ok: false, code: "undecodable_image", detail: "decode image: damaged" }
      : { ok: true, pixels: pixelsOf(image) },
  );
}

/** Starts a consumer; `prepare` sets the source up before the first read. */
function consume(
  { batchMax = BATCH_MAX, decode = decodeNumber, prepare = () => {} }: {
    batchMax?: number;
    decode?: (image: Uint8Array) => Promise<Decoded>;
    prepare?: (settling: Settling) => void;
  } = {},
): Consuming {
  const settling = openSettling();
  prepare(settling);
  const { source, settler, hands, clock, log } = settling;
  const batcher = new Batcher({ batchMax, lingerMs: 0, clock });
  const consumer = new Consumer({
    source,
    readers: 1,
    batcher,
    settler,
    hands,
    models: tableOf(NUMBERS.served),
    decode,
    tracing: new Tracing(clock),
    metrics: new WorkerMetrics(),
    clock,
    log,
  });
  const drain = new AbortController();
  const running = consumer.run(drain.signal);
  const stop = async () => {
    drain.abort();
    await running;
  };
  return { ...settling, batcher, consumer, stop, [Symbol.asyncDispose]: stop };
}

async function takenFrom(batcher: Batcher): Promise<Delivery[]> {
  return (await batcher.take()).map(({ delivery }) => delivery);
}

/** Takes as many jobs of one image as a worker holds, without being done with them. */
async function takenFull(batcher: Batcher): Promise<void> {
  for (let jobs = 0; jobs < 2 * batcher.batchMax;) jobs += (await batcher.take()).length;
  assert.equal(batcher.free, 0);
}

Deno.test("consumer has what it reads decoded, and hands it to the batcher", async () => {
  await using worker = consume();
  const delivery = testDelivery([1, 2]);
  worker.source.hand(delivery);
  const [job] = await worker.batcher.take();
  assert.equal(job?.delivery, delivery);
  assert.deepEqual(job.pixels, [Uint8Array.of(1, 1, 1), Uint8Array.of(2, 2, 2)]);
  assert.deepEqual([job.attempt, job.tell], [1, "g1"]);
  assert(worker.hands.has(delivery));
  assert.deepEqual(worker.source.finished, []);
});

Deno.test("consumer keeps the order of a job's images, whichever is decoded first", async () => {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  await using worker = consume({
    decode: async (image) => {
      await (image[0] === 1 ? first : second).promise;
      return decodeNumber(image);
    },
  });
  worker.source.hand(testDelivery([1, 2]));
  second.resolve();
  first.resolve();
  const [job] = await worker.batcher.take();
  assert.deepEqual(job?.pixels.map((pixels) => pixels[0]), [1, 2]);
});

Deno.test("consumer fails a job whose image is bad, alone and with the image's place", async () => {
  await using worker = consume();
  const [bad, good] = [testDelivery([0, 1, BAD]), testDelivery([2])];
  worker.source.hand(bad, good);
  assert.deepEqual(await takenFrom(worker.batcher), [good]);
  await worker.settler.settled();
  assert.deepEqual(worker.source.finished, [{
    delivery: bad,
    tell: "g1",
    outcome: {
      state: "failed",
      error: { code: "undecodable_image", detail: "image 3 of 3: decode image: damaged" },
      timings: { decodeMs: 0 },
    },
    work: { version: "2", beginMs: 0, decodeMs: 0, batches: [] },
  }]);
  assert.equal(worker.batcher.held, 1);
  assert.deepEqual(worker.hands.all(), [good]);
});

Deno.test("consumer fails a job that wants a version which is not served, undecoded", async () => {
  await using worker = consume();
  const [gone, there] = ["1", "2"].map((version) => testDelivery([1], { version }));
  worker.source.hand(gone!, there!);
  assert.deepEqual(await takenFrom(worker.batcher), [there]);
  await worker.settler.settled();
  const detail = `no version "1" of model "${MODEL}" is served any more`;
  assert.deepEqual(worker.source.finished, [{
    delivery: gone,
    tell: "g1",
    outcome: { state: "failed", error: { code: "not_found", detail }, timings: {} },
  }]);
  assert.deepEqual([worker.batcher.held, worker.hands.all()], [1, [there]]);
});

Deno.test("consumer passes over what it is given a second time while it has it in hand", async () => {
  await using worker = consume();
  const [first, second] = [testDelivery([1]), testDelivery([2])];
  worker.source.hand(first);
  assert.deepEqual(await takenFrom(worker.batcher), [first]);
  worker.source.hand({ ...first }, second);
  assert.deepEqual(await takenFrom(worker.batcher), [second]);
  assert.deepEqual(worker.hands.all(), [first, second]);
});

Deno.test("consumer does not number the one image of a job", async () => {
  await using worker = consume();
  worker.source.hand(testDelivery([BAD]));
  await worker.source.until(() => worker.source.finished.length > 0);
  const [{ outcome } = assert.fail()] = worker.source.finished;
  assert(outcome.state === "failed");
  assert.equal(outcome.error.detail, "decode image: damaged");
});

Deno.test("consumer settles what has expired, buries what is spent, and runs neither", async () => {
  const [expired, spent, good] = [testDelivery(), testDelivery(), testDelivery()];
  await using worker = consume({
    prepare: ({ source }) => {
      source.verdicts.set(expired.id, { kind: "expired", tell: "g1 g2", delivery: 1 });
      source.verdicts.set(spent.id, { kind: "spent", tell: "g1", attempts: 3 });
    },
  });
  worker.source.hand(expired, spent, good);
  assert.deepEqual(await takenFrom(worker.batcher), [good]);
  await worker.settler.settled();
  assert.deepEqual(worker.source.finished, [
    { delivery: expired, tell: "g1 g2", outcome: { state: "expired", timings: {}, delivery: 1 } },
    {
      delivery: spent,
      tell: "g1",
      outcome: {
        state: "dead",
        error: { code: "job_failed", detail: "given up after 3 attempts that did not end" },
        attempts: 3,
      },
    },
  ]);
  assert.deepEqual(worker.hands.all(), [good]);
});

Deno.test("consumer buries a job at once whose decoding is our own fault, and goes on", async () => {
  const [met, good] = [testDelivery([7, 1]), testDelivery([2])];
  await using worker = consume({
    decode: (image) =>
      image[0] === 7 ? Promise.reject(new TypeError("no such thing")) : decodeNumber(image),
  });
  worker.source.hand(met, good);
  assert.deepEqual(await takenFrom(worker.batcher), [good]);
  await worker.settler.settled();
  const error = { code: "job_failed", detail: "given up: decoding it failed" };
  const outcome = { state: "dead", error, attempts: 1 };
  const work = { version: "2", beginMs: 0, decodeMs: 0, batches: [] };
  assert.deepEqual(worker.source.finished, [{ delivery: met, tell: "g1", outcome, work }]);
  assert.deepEqual(worker.log.lines.find(({ level }) => level === "error")?.fields, {
    job: met.id,
    model: MODEL,
    error: "TypeError: no such thing",
  });
  assert.equal(worker.batcher.held, 1);
  assert.deepEqual(worker.hands.all(), [good]);
});

Deno.test("consumer leaves alone what was dropped or lost", async () => {
  const [dropped, refused, lost, good] = [
    testDelivery(),
    testDelivery(),
    testDelivery(),
    testDelivery(),
  ];
  await using worker = consume({
    prepare: ({ source }) => {
      source.verdicts.set(dropped.id, { kind: "drop", reason: "cancelled" });
      source.verdicts.set(refused.id, { kind: "drop", reason: "refused" });
      source.verdicts.set(lost.id, { kind: "lost" });
    },
  });
  worker.source.hand(dropped, refused, lost, good);
  assert.deepEqual(await takenFrom(worker.batcher), [good]);
  assert.deepEqual(worker.source.finished, []);
  assert.deepEqual(worker.hands.all(), [good]);
  const told = worker.log.lines.filter(({ level }) => level !== "debug");
  assert.deepEqual(told.map(({ level, fields }) => [level, fields.job, fields.reason]), [
    ["info", dropped.id, "its job was cancelled"],
    ["warn", lost.id, undefined],
  ]);
  const [quiet] = worker.log.lines.filter(({ fields }) => fields.job === refused.id);
  assert.deepEqual(
    [quiet?.level, quiet?.fields.reason],
    ["debug", "its request was answered without it"],
  );
});

Deno.test("consumer asks for no more than the batcher is free to hold", async () => {
  await using worker = consume();
  const jobs = [testDelivery([0, 0, 0]), testDelivery([1]), testDelivery([2])];
  const { source, batcher } = worker;
  source.hand(jobs[0]!, jobs[1]!);
  await source.until(() => source.asked.length === 1);
  assert.deepEqual(source.asked, [2 * BATCH_MAX]);
  assert.deepEqual(await takenFrom(batcher), [jobs[0]]);
  source.hand(jobs[2]!);
  assert.equal(batcher.free, 0);
  assert.equal(source.asked.length, 1);
  batcher.release(3);
  assert.deepEqual(await takenFrom(batcher), [jobs[1]]);
  await source.until(() => source.asked.length === 3);
  assert.deepEqual(source.asked, [2 * BATCH_MAX, 1, 1]);
});

Deno.test("consumer begins only what there is room for, and the rest in its turn", async () => {
  await using worker = consume();
  const { source, batcher, hands } = worker;
  const jobs = [testDelivery([0, 1, 2]), testDelivery([3, 0, 1]), testDelivery([2, 3, 0])];
  source.hand(...jobs);
  assert.deepEqual(await takenFrom(batcher), [jobs[0]]);
  assert.deepEqual(await takenFrom(batcher), [jobs[1]]);
  assert.equal(batcher.held, 6);
  assert.deepEqual(hands.unbegun(), [jobs[2]]);
  batcher.release(3);
  assert.deepEqual(await takenFrom(batcher), [jobs[2]]);
  assert.deepEqual(source.handedBack, []);
});

Deno.test("consumer hands back what is far more than there is room for, and then reads less", async () => {
  await using worker = consume();
  const { source, batcher, hands } = worker;
  const jobs = Array.from({ length: 2 * BATCH_MAX }, () => testDelivery([0, 1, 2]));
  source.hand(...jobs);
  await source.until(() => source.handedBack.length > 0);
  assert.deepEqual(source.handedBack, jobs.slice(3));
  for (const job of jobs.slice(0, 3)) {
    assert.deepEqual(await takenFrom(batcher), [job]);
    batcher.release(3);
    hands.release(job);
  }
  await source.until(() => source.asked.length === 3);
  assert.deepEqual(source.asked, [2 * BATCH_MAX, 1, 1]);
  assert.deepEqual(hands.all(), []);
});

Deno.test("consumer does by itself what it could not hand back", async () => {
  await using worker = consume();
  const { source, batcher, clock } = worker;
  const jobs = Array.from({ length: 2 * BATCH_MAX }, () => testDelivery([0, 1, 2]));
  await source.until(() => source.asked.length === 1);
  source.hand(...jobs);
  source.away = true;
  await clock.untilWaiting();
  source.away = false;
  clock.advance(BROKER_PAUSE_MS);
  for (const job of jobs) {
    assert.deepEqual(await takenFrom(batcher), [job]);
    batcher.release(3);
  }
  assert.deepEqual(source.handedBack, []);
});

Deno.test("consumer reads again when the broker is back, and complains once", async () => {
  await using worker = consume({ prepare: ({ source }) => source.away = true });
  const { source, clock, log } = worker;
  for (let tries = 0; tries < 5; tries++) {
    await clock.untilWaiting();
    clock.advance(BROKER_PAUSE_MS);
  }
  await clock.untilWaiting();
  source.away = false;
  const delivery = testDelivery();
  source.hand(delivery);
  clock.advance(BROKER_PAUSE_MS);
  assert.deepEqual(await takenFrom(worker.batcher), [delivery]);
  await worker.stop();
  assert.deepEqual(log.lines.filter(({ level }) => level !== "debug").map((line) => line.message), [
    "jobs cannot be taken, trying again",
    "jobs are taken again",
  ]);
});

Deno.test("consumer begins what it has read although the broker goes away in between", async () => {
  await using worker = consume();
  const { source, clock } = worker;
  const delivery = testDelivery();
  await source.until(() => source.asked.length === 1);
  source.hand(delivery);
  source.away = true;
  await clock.untilWaiting();
  source.away = false;
  clock.advance(BROKER_PAUSE_MS);
  assert.deepEqual(await takenFrom(worker.batcher), [delivery]);
});

Deno.test("consumer that is told to drain finishes what it prepares, and reads no more", async () => {
  const decoding = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const worker = consume({
    decode: async (image) => {
      decoding.resolve();
      await finish.promise;
      return decodeNumber(image);
    },
  });
  const delivery = testDelivery();
  worker.source.hand(delivery);
  await decoding.promise;
  const stopped = worker.stop();
  worker.source.hand(testDelivery());
  finish.resolve();
  await stopped;
  assert.deepEqual(await takenFrom(worker.batcher), [delivery]);
  assert.equal(worker.batcher.held, 1);
});

Deno.test("consumer runs a job that was begun before to its end before the next is claimed", async () => {
  const again = testDelivery([1]);
  await using worker = consume({
    prepare: ({ source }) =>
      source.verdicts.set(again.id, { kind: "run", attempt: 2, tell: "g1", ageMs: 0 }),
  });
  const events: string[] = [];
  const recovered = worker.consumer.recover(again, forever).then(() => events.push("recovered"));
  const [job] = await worker.batcher.take();
  assert.equal(job?.attempt, 2);
  job.answer({ predictions: [] });
  events.push("answered");
  worker.settler.settle([job.succeeded()]);
  await recovered;
  assert.deepEqual(events, ["answered", "recovered"]);
});

Deno.test("consumer does not wait for a claimed job that nobody has begun", async () => {
  await using worker = consume();
  const fresh = testDelivery();
  await worker.consumer.recover(fresh, forever);
  assert.deepEqual(await takenFrom(worker.batcher), [fresh]);
});

Deno.test("consumer leaves a claimed job alone that it holds already", async () => {
  await using worker = consume();
  const delivery = testDelivery();
  worker.source.hand(delivery);
  await worker.batcher.take();
  await worker.consumer.recover(delivery, forever);
  assert.equal(worker.batcher.held, 1);
});

Deno.test("consumer that is told to drain keeps what it could not begin in hand, unbegun", async () => {
  await using worker = consume();
  const { source, clock, consumer, hands } = worker;
  const [read, claimed] = [testDelivery(), testDelivery()];
  await source.until(() => source.asked.length === 1);
  source.away = true;
  source.hand(read);
  await clock.untilWaiting();
  const drain = new AbortController();
  const recovered = consumer.recover(claimed, drain.signal);
  await clock.untilWaiting(2);
  drain.abort();
  await recovered;
  await worker.stop();
  source.away = false;
  assert.deepEqual(hands.unbegun(), [read, claimed]);
});

Deno.test("consumer that is full takes no more of a lane than its share of a batch", async () => {
  const lanes = [0, 1, 2].map((lane) => ({ model: MODEL, lane }));
  await using worker = consume({ prepare: ({ source }) => source.lanes = lanes });
  const { source, batcher, hands } = worker;
  const flood = Array.from({ length: 9 }, () => testDelivery());
  source.hand(...flood);
  await takenFull(batcher);
  const [quiet, second] = [testDelivery([1], { lane: 1 }), testDelivery([2], { lane: 1 })];
  source.hand(quiet, second);
  assert.deepEqual(await takenFrom(batcher), [quiet]);
  assert.equal(batcher.held, 2 * BATCH_MAX + 1);
  assert(!hands.has(second));
  batcher.release(3);
  assert((await takenFrom(batcher)).includes(second));
});

Deno.test("consumer that is full goes on taking of a lane until that has its share of a batch", async () => {
  const lanes = [0, 1].map((lane) => ({ model: MODEL, lane }));
  await using worker = consume({
    batchMax: 8,
    prepare: ({ source }) => source.lanes = lanes,
  });
  const { source, batcher, hands } = worker;
  source.hand(...Array.from({ length: 16 }, () => testDelivery()));
  await takenFull(batcher);
  const quiet = Array.from({ length: 5 }, () => testDelivery([1], { lane: 1 }));
  source.hand(...quiet);
  for (let jobs = 0; jobs < 4;) jobs += (await batcher.take()).length;
  assert.equal(batcher.held, 16 + 4);
  assert(!hands.has(quiet[4]!));
});

Deno.test("consumer that is full reads on as soon as there is room", async () => {
  const lanes = [0, 1].map((lane) => ({ model: MODEL, lane }));
  await using worker = consume({ prepare: ({ source }) => source.lanes = lanes });
  const { source, batcher } = worker;
  source.hand(...Array.from({ length: 5 }, () => testDelivery()));
  await takenFull(batcher);
  const last = testDelivery([3]);
  source.hand(last);
  batcher.release(2);
  const taken = [...await takenFrom(batcher), ...await takenFrom(batcher)];
  assert.equal(taken.at(-1), last);
});

Deno.test("consumer that is full reads nothing where its reading could not be ended", async () => {
  const lanes = [0, 1].map((lane) => ({ model: MODEL, lane }));
  await using worker = consume({
    prepare: ({ source }) => {
      source.lanes = lanes;
      source.interruptible = false;
    },
  });
  const { source, batcher } = worker;
  source.hand(...Array.from({ length: 5 }, () => testDelivery()));
  await takenFull(batcher);
  const asked = source.asked.length;
  const quiet = testDelivery([1], { lane: 1 });
  source.hand(quiet);
  batcher.release(2);
  assert((await takenFrom(batcher)).includes(quiet));
  assert.equal(source.asked.length, asked + 1);
});
