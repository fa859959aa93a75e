import fc from "fast-check";
import assert from "node:assert/strict";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { Batcher } from "./batcher.ts";
import type { PreparedJob } from "./prepared.ts";
import type { ServedModel } from "./served_model.ts";
import { testJob, testModel } from "./testing/jobs.ts";

const BATCH_MAX = 4;
const LINGER_MS = 100;
const PATIENCE_MS = 50;
const forever = new AbortController().signal;

function open({ lingerMs = 0 } = {}): { batcher: Batcher; clock: ManualClock } {
  const clock = new ManualClock();
  return { batcher: new Batcher({ batchMax: BATCH_MAX, lingerMs, clock }), clock };
}

/** Takes jobs in as the consumer does. */
function fill(batcher: Batcher, ...jobs: PreparedJob[]): void {
  for (const job of jobs) {
    batcher.reserve(job.pixels.length);
    batcher.add(job);
  }
}

const A = testModel({ name: "a", version: "1" }).served;
/** A new version of the same model. */
const A2 = testModel({ name: "a", version: "2" }).served;
const B = testModel({ name: "b", version: "1" }).served;

/** A job with so many images. */
function jobOf(
  images: number,
  { served = A, ...options }: { served?: ServedModel; lane?: number; attempt?: number } = {},
): PreparedJob {
  const numbers = Array.from({ length: images }, () => 0);
  return testJob(numbers, { model: served.files.name, served, ...options });
}

Deno.test("a batch is what waits, in the order in which it came", async () => {
  const { batcher } = open();
  const jobs = [jobOf(1), jobOf(2), jobOf(1)];
  fill(batcher, ...jobs);
  assert.deepEqual(await batcher.take(), jobs);
});

Deno.test("a batch of one leaves at once, without a timer", async () => {
  const { batcher, clock } = open();
  const job = jobOf(1);
  const taken = batcher.take();
  fill(batcher, job);
  assert.deepEqual(await taken, [job]);
  assert.equal(clock.waiting, 0);
});

Deno.test("a batch has one model's jobs alone, the longest waiting first", async () => {
  const { batcher } = open();
  const [a1, b1, a2, b2] = [
    jobOf(1, { served: A }),
    jobOf(1, { served: B }),
    jobOf(1, { served: A }),
    jobOf(1, { served: B }),
  ];
  fill(batcher, a1, b1, a2, b2);
  assert.deepEqual(await batcher.take(), [a1, a2]);
  assert.deepEqual(await batcher.take(), [b1, b2]);
});

Deno.test("a batch has one version's jobs alone, and is no smaller where those of another lie between", async () => {
  const { batcher } = open();
  const jobs = Array.from({ length: 8 }, (_, i) => jobOf(1, { served: i % 2 === 0 ? A : A2 }));
  fill(batcher, ...jobs);
  assert.deepEqual(await batcher.take(), jobs.filter((_, i) => i % 2 === 0));
  assert.deepEqual(await batcher.take(), jobs.filter((_, i) => i % 2 === 1));
});

Deno.test("a batch has a lane's jobs in turns with another's, however many of those wait", async () => {
  const { batcher } = open();
  const flood = Array.from({ length: 9 }, () => jobOf(1, { lane: 1 }));
  const [q1, q2] = [jobOf(1, { lane: 2 }), jobOf(1, { lane: 2 })];
  fill(batcher, ...flood, q1, q2);
  assert.deepEqual(await batcher.take(), [flood[0], q1, flood[1], q2]);
  assert.deepEqual(await batcher.take(), flood.slice(2, 6));
  const q3 = jobOf(1, { lane: 2 });
  fill(batcher, q3);
  assert.deepEqual(await batcher.take(), [q3, ...flood.slice(6)]);
});

Deno.test("a lane of large jobs and one of small jobs have as many images each", async () => {
  const { batcher } = open();
  const large = Array.from({ length: 3 }, () => jobOf(BATCH_MAX, { lane: 1 }));
  const small = Array.from({ length: 2 * BATCH_MAX }, () => jobOf(1, { lane: 2 }));
  fill(batcher, ...large, ...small);
  assert.deepEqual(await batcher.take(), [large[0]]);
  assert.deepEqual(await batcher.take(), small.slice(0, BATCH_MAX));
  assert.deepEqual(await batcher.take(), [large[1]]);
  assert.deepEqual(await batcher.take(), small.slice(BATCH_MAX));
  assert.deepEqual(await batcher.take(), [large[2]]);
});

Deno.test("a batch ends before the job that would not fit", async () => {
  const { batcher } = open();
  const [first, large, last] = [jobOf(3), jobOf(2), jobOf(1)];
  fill(batcher, first, large, last);
  assert.deepEqual(await batcher.take(), [first]);
  assert.deepEqual(await batcher.take(), [large, last]);
});

Deno.test("a job with more images than a batch leaves alone", async () => {
  const { batcher } = open();
  const [huge, small] = [jobOf(3 * BATCH_MAX), jobOf(1)];
  fill(batcher, huge, small);
  assert.deepEqual(await batcher.take(), [huge]);
  assert.deepEqual(await batcher.take(), [small]);
});

Deno.test("a job that was begun before leaves alone, whatever waits beside it", async () => {
  const { batcher } = open();
  const [again, first, onceMore, second] = [
    jobOf(1, { attempt: 2 }),
    jobOf(1),
    jobOf(1, { attempt: 3 }),
    jobOf(1),
  ];
  fill(batcher, again, first, onceMore, second);
  assert.deepEqual(await batcher.take(), [again]);
  assert.deepEqual(await batcher.take(), [first, second]);
  assert.deepEqual(await batcher.take(), [onceMore]);
});

Deno.test("batches hold every job once, within bounds, in order for each lane and version", async () => {
  const anyJob = fc.record({
    images: fc.integer({ min: 1, max: 2 * BATCH_MAX }),
    served: fc.constantFrom(A, A2, B),
    lane: fc.constantFrom(0, 1),
    attempt: fc.constantFrom(1, 1, 1, 2),
  });
  await fc.assert(fc.asyncProperty(fc.array(anyJob, { maxLength: 30 }), async (all) => {
    const { batcher } = open();
    const jobs = all.map(({ images, ...options }) => jobOf(images, options));
    fill(batcher, ...jobs);
    batcher.close();
    const taken: PreparedJob[] = [];
    while (batcher.held > 0) {
      const batch = await batcher.take();
      const images = batch.reduce((sum, { pixels }) => sum + pixels.length, 0);
      assert(batch.length === 1 || images <= BATCH_MAX);
      assert(batch.length === 1 || batch.every(({ attempt }) => attempt === 1));
      assert.equal(new Set(batch.map(({ model }) => model)).size, 1);
      taken.push(...batch);
      batcher.release(images);
    }
    assert.deepEqual(new Set(taken), new Set(jobs));
    assert.equal(taken.length, jobs.length);
    for (const [served, lane] of [A, A2, B].flatMap((each) => [[each, 0], [each, 1]] as const)) {
      const firsts = ({ model, delivery, attempt }: PreparedJob) =>
        model === served && delivery.lane === lane && attempt === 1;
      assert.deepEqual(taken.filter(firsts), jobs.filter(firsts));
    }
    assert.deepEqual(await batcher.take(), []);
  }));
});

Deno.test("what a worker holds is two batches of images, whether they wait or run", async () => {
  const { batcher } = open();
  assert.equal(batcher.free, 2 * BATCH_MAX);
  fill(batcher, jobOf(3), jobOf(3));
  assert.equal(batcher.free, 2);
  await batcher.take();
  assert.equal(batcher.held, 6);
  batcher.release(3);
  assert.equal(batcher.free, 5);
});

Deno.test("a job of many images may pass the bound, and then nothing is free", () => {
  const { batcher } = open();
  batcher.reserve(5 * BATCH_MAX);
  assert.equal(batcher.free, 0);
  batcher.release(5 * BATCH_MAX);
  assert.equal(batcher.free, 2 * BATCH_MAX);
});

Deno.test("the reader waits until something is free, or it is aborted", async () => {
  const { batcher } = open();
  batcher.reserve(2 * BATCH_MAX);
  const events: string[] = [];
  const free = batcher.whenFree(forever).then(() => events.push("free"));
  events.push("released");
  batcher.release(1);
  await free;
  assert.deepEqual(events, ["released", "free"]);
  batcher.reserve(1);
  const stop = new AbortController();
  const given = batcher.whenFree(stop.signal);
  stop.abort();
  await given;
  assert.equal(batcher.free, 0);
});

Deno.test("lingering waits for a fuller batch, for its time at most", async () => {
  const { batcher, clock } = open({ lingerMs: LINGER_MS });
  const [first, second, third] = [jobOf(1), jobOf(1), jobOf(1)];
  fill(batcher, first);
  const taken = batcher.take();
  await clock.untilWaiting();
  clock.advance(LINGER_MS - 1);
  fill(batcher, second);
  clock.advance(1);
  assert.deepEqual(await taken, [first, second]);
  fill(batcher, third);
  assert.equal(clock.waiting, 0);
});

Deno.test("lingering ends with a full batch, and leaves no timer", async () => {
  const { batcher, clock } = open({ lingerMs: LINGER_MS });
  fill(batcher, jobOf(1));
  const taken = batcher.take();
  await clock.untilWaiting();
  fill(batcher, jobOf(BATCH_MAX - 1));
  assert.equal((await taken).length, 2);
  assert.equal(clock.waiting, 0);
  fill(batcher, jobOf(BATCH_MAX));
  assert.equal((await batcher.take()).length, 1);
});

Deno.test("a job that leaves alone does not linger", async () => {
  const { batcher, clock } = open({ lingerMs: LINGER_MS });
  const again = jobOf(1, { attempt: 2 });
  fill(batcher, again);
  assert.deepEqual(await batcher.take(), [again]);
  assert.equal(clock.waiting, 0);
});

Deno.test("lingering ends when the batcher closes", async () => {
  const { batcher, clock } = open({ lingerMs: LINGER_MS });
  fill(batcher, jobOf(1));
  const taken = batcher.take();
  await clock.untilWaiting();
  batcher.close();
  assert.equal((await taken).length, 1);
  fill(batcher, jobOf(1));
  assert.equal((await batcher.take()).length, 1);
  assert.equal(clock.waiting, 0);
});

Deno.test("a batch that is not full waits for what is being decoded, and leaves no timer", async () => {
  const { batcher, clock } = open();
  const [first, second, later] = [jobOf(1), jobOf(1), jobOf(1)];
  batcher.reserve(2);
  batcher.add(first);
  const taken = batcher.take(PATIENCE_MS);
  await clock.untilWaiting();
  batcher.add(second);
  assert.deepEqual(await taken, [first, second]);
  assert.equal(clock.waiting, 0);
  batcher.release(2);
  fill(batcher, later);
  assert.deepEqual(await batcher.take(PATIENCE_MS), [later]);
  assert.equal(clock.waiting, 0);
});

Deno.test("a photo that takes long to decode holds up the others for so long and no longer", async () => {
  const { batcher, clock } = open();
  const [first, long] = [jobOf(1), jobOf(1)];
  batcher.reserve(2);
  batcher.add(first);
  const taken = batcher.take(PATIENCE_MS);
  await clock.untilWaiting();
  clock.advance(PATIENCE_MS);
  assert.deepEqual(await taken, [first]);
  batcher.add(long);
  assert.deepEqual(await batcher.take(), [long]);
});

Deno.test("a photo that turns out to be none holds up the others no longer", async () => {
  const { batcher, clock } = open();
  const job = jobOf(1);
  batcher.reserve(2);
  batcher.add(job);
  const taken = batcher.take(PATIENCE_MS);
  await clock.untilWaiting();
  batcher.release(1);
  assert.deepEqual(await taken, [job]);
  assert.equal(clock.waiting, 0);
});

Deno.test("a closed batcher gives what is still being decoded, then nothing", async () => {
  const { batcher } = open();
  const [late, bad] = [jobOf(2), jobOf(1)];
  batcher.reserve(3);
  batcher.close();
  const taken = batcher.take();
  batcher.add(late);
  assert.deepEqual(await taken, [late]);
  batcher.release(late.pixels.length);
  const last = batcher.take();
  batcher.release(bad.pixels.length);
  assert.deepEqual(await last, []);
  assert.deepEqual(await batcher.take(), []);
});
