import assert from "node:assert/strict";
import type { Outcome } from "../shared/broker.ts";
import { classesOf, type ImageAnswer } from "../shared/job.ts";
import { Tracing } from "../shared/tracing.ts";
import { Batcher } from "./batcher.ts";
import { WorkerMetrics } from "./metrics.ts";
import type { PreparedJob } from "./prepared.ts";
import { Runner } from "./runner.ts";
import { BAD, LABELS, MODEL, NUMBERS, testJob } from "./testing/jobs.ts";
import { openSettling, type Settling } from "./testing/settling.ts";

const BATCH_MAX = 4;
const ATTEMPTS_MAX = 3;

interface Ran extends Settling {
  /** Sizes of the batches that the network was given. */
  readonly batches: number[];
  /** What the runner said of its batches. */
  readonly said: boolean[];
  readonly batcher: Batcher;
}

/** Runs jobs that all wait when the runner starts, to their end. */
async function run(
  jobs: readonly PreparedJob[],
  { givenUp = false, random = 0.5, unreported = 0, decoding = 0 } = {},
): Promise<Ran> {
  const settling = openSettling();
  const { settler, clock, log, giveUp } = settling;
  settling.source.refusedReports = unreported;
  const batcher = new Batcher({ batchMax: BATCH_MAX, lingerMs: 0, clock });
  const said: boolean[] = [];
  const runner = new Runner({
    batcher,
    settler,
    onBatch: (running) => {
      said.push(running);
      if (givenUp) giveUp.abort();
    },
    attemptsMax: ATTEMPTS_MAX,
    batchMax: BATCH_MAX,
    random: () => random,
    tracing: new Tracing(clock),
    metrics: new WorkerMetrics(),
    clock,
    log,
  });
  for (const job of jobs) {
    batcher.reserve(job.pixels.length);
    batcher.add(job);
  }
  batcher.reserve(decoding);
  batcher.close();
  NUMBERS.batches.length = 0;
  await runner.run(giveUp.signal);
  return { ...settling, batches: [...NUMBERS.batches], said, batcher };
}

function bestOf(answer: ImageAnswer): string | undefined {
  return classesOf(answer)[0]?.label;
}

/** The first label of each image of each job, by the job. */
function labelsOf({ source }: Ran): Map<PreparedJob["delivery"], (string | undefined)[]> {
  return new Map(source.finished.map(({ delivery, outcome }) => {
    assert(outcome.state === "succeeded", outcome.state);
    return [delivery, outcome.results.map(bestOf)];
  }));
}

Deno.test("runner answers each job with its own images' classes, in their order", async () => {
  const jobs = [testJob([3]), testJob([0, 2]), testJob([1]), testJob([2, 2, 0])];
  const ran = await run(jobs);
  assert.deepEqual(ran.batches, [4, 3]);
  assert.deepEqual([...labelsOf(ran)], [
    [jobs[0]!.delivery, ["three"]],
    [jobs[1]!.delivery, ["zero", "two"]],
    [jobs[2]!.delivery, ["one"]],
    [jobs[3]!.delivery, ["two", "two", "zero"]],
  ]);
  assert.equal(ran.batcher.held, 0);
});

Deno.test("runner splits a job with more images than a batch, and joins its answers", async () => {
  const numbers = Array.from({ length: 2 * BATCH_MAX + 1 }, (_, i) => i % LABELS.length);
  const job = testJob(numbers);
  const ran = await run([job]);
  assert.deepEqual(ran.batches, [BATCH_MAX, BATCH_MAX, 1]);
  assert.deepEqual(labelsOf(ran).get(job.delivery), numbers.map((number) => LABELS[number]));
});

Deno.test("runner reports the answers of a job that goes on with the next batch, each once", async () => {
  const numbers = Array.from({ length: 2 * BATCH_MAX + 1 }, (_, i) => i % LABELS.length);
  const job = testJob(numbers);
  const { source } = await run([testJob([1]), job]);
  const reports = source.reported.map(({ delivery, tell, from, answers }) => {
    assert.deepEqual([delivery, tell], [job.delivery, "g1"]);
    return [from, answers.map(bestOf)];
  });
  const labels = numbers.map((number) => LABELS[number]);
  assert.deepEqual(reports, [[0, labels.slice(0, 4)], [4, labels.slice(4, 8)]]);
  assert.equal(source.finished.length, 2);
});

Deno.test("runner reports with the next batch what it could not report before", async () => {
  const numbers = Array.from({ length: 2 * BATCH_MAX + 1 }, (_, i) => i % LABELS.length);
  const { source } = await run([testJob(numbers)], { unreported: 1 });
  assert.deepEqual(source.reported.map(({ from, answers }) => [from, answers.length]), [
    [0, 2 * BATCH_MAX],
  ]);
});

Deno.test("runner goes on after the images that an earlier attempt has answered", async () => {
  const numbers = Array.from({ length: 2 * BATCH_MAX }, (_, i) => i % LABELS.length);
  const job = testJob(numbers, { attempt: 2, done: 2 });
  const ran = await run([job]);
  assert.deepEqual(ran.batches, [BATCH_MAX, 2]);
  assert.deepEqual(ran.source.reported.map(({ from }) => from), [2]);
  assert.deepEqual(labelsOf(ran).get(job.delivery), numbers.slice(2).map((n) => LABELS[n]));
});

Deno.test("runner gives each job as many classes as it asked for", async () => {
  const ran = await run([testJob([0], { top: 2 }), testJob([1])]);
  const counts = ran.source.finished.map(({ outcome }) =>
    outcome.state === "succeeded" && classesOf(outcome.results[0]).length
  );
  assert.deepEqual(counts, [2, 1]);
});

Deno.test("runner runs a batch that fails image by image, and puts only the bad one off", async () => {
  const [good, bad, fine] = [testJob([1]), testJob([BAD]), testJob([2, 3])];
  const ran = await run([good, bad, fine]);
  assert.deepEqual(ran.batches, [4, 1, 1, 1, 1]);
  assert.deepEqual([...labelsOf(ran)], [
    [good.delivery, ["one"]],
    [fine.delivery, ["two", "three"]],
  ]);
  const [{ delivery, delayMs } = assert.fail(), ...more] = ran.source.putOff;
  assert.deepEqual([delivery, more], [bad.delivery, []]);
  assert.equal(delayMs, 1000);
  assert.equal(ran.batcher.held, 0);
});

Deno.test("runner puts a job off as a whole, though one image of it is good", async () => {
  const job = testJob([1, BAD]);
  const ran = await run([job]);
  assert.deepEqual(ran.source.finished, []);
  assert.deepEqual(ran.source.putOff.map(({ delivery }) => delivery), [job.delivery]);
});

Deno.test("runner waits longer before each further attempt, half of it at random", async () => {
  const delays = async (attempt: number) =>
    await Promise.all([0, 0.5, 1].map(async (random) => {
      const { source } = await run([testJob([BAD], { attempt })], { random });
      return source.putOff[0]?.delayMs;
    }));
  assert.deepEqual(await delays(1), [500, 1000, 1500]);
  assert.deepEqual(await delays(2), [1000, 2000, 3000]);
});

Deno.test("runner gives a job up that fails at its last attempt", async () => {
  const ran = await run([testJob([BAD], { attempt: ATTEMPTS_MAX })]);
  assert.deepEqual(ran.source.putOff, []);
  assert.deepEqual(ran.source.finished.map(({ outcome }): Outcome => outcome), [{
    state: "dead",
    error: { code: "job_failed", detail: "the model failed on the image, 3 times" },
    attempts: 3,
  }]);
});

Deno.test("runner logs each batch that the model has done", async () => {
  const { log } = await run([testJob([1, 2]), testJob([3])]);
  assert.deepEqual(log.lines.filter(({ message }) => message === "batch done"), [{
    level: "debug",
    message: "batch done",
    fields: { model: MODEL, batch: 1, images: 3, tensors: undefined },
  }]);
});

Deno.test("runner says when a batch begins and when it is over", async () => {
  const ran = await run([testJob([1, 1, 1]), testJob([BAD, 1])]);
  assert.deepEqual(ran.said, [true, false, true, false]);
});

Deno.test("runner that is given up does not wait for what is being decoded", async () => {
  const ran = await run([testJob([1])], { givenUp: true, decoding: 1 });
  assert.deepEqual([ran.said, ran.batcher.held], [[true, false], 1]);
});

Deno.test("runner that is given up settles nothing and complains of nothing", async () => {
  const ran = await run([testJob([1, 2]), testJob([1], { attempt: ATTEMPTS_MAX })], {
    givenUp: true,
  });
  assert.deepEqual(ran.source.finished, []);
  assert.deepEqual(ran.source.putOff, []);
  assert.deepEqual(ran.log.lines, []);
});
