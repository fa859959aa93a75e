import assert from "node:assert/strict";
import { BATCHES_TOLD_MAX } from "../shared/story.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { round } from "./stages.ts";
import { testStages } from "./testing/jobs.ts";

const BATCH = { images: 3, jobs: 2, mates: ["0-other"] };

Deno.test("stages are timed one after the other, and those not reached are absent", () => {
  const clock = new ManualClock();
  const stages = testStages(clock);
  clock.advance(3);
  assert.deepEqual(stages.work, { version: "2", beginMs: 2, decodeMs: 3, batches: [] });
  assert.deepEqual(stages.timings, { decodeMs: 3 });
  stages.enter("wait");
  stages.enter("wait");
  clock.advance(5);
  stages.enter("infer");
  clock.advance(7);
  stages.ran({ ...BATCH, number: 4, ms: 6.999 }, 2);
  stages.enter("reply");
  clock.advance(100);
  assert.deepEqual(stages.work, {
    version: "2",
    beginMs: 2,
    decodeMs: 3,
    waitMs: 5,
    inferMs: 7,
    batches: [{ ...BATCH, number: 4, ms: 7 }],
  });
  assert.deepEqual(stages.timings, { decodeMs: 3, waitMs: 5, inferMs: 7, batchImages: 3 });
});

Deno.test("a job waits for the model between its batches, too", () => {
  const clock = new ManualClock();
  const stages = testStages(clock);
  stages.enter("infer");
  clock.advance(20);
  for (const number of [1, 3]) stages.ran({ ...BATCH, number, ms: 4 }, 1);
  stages.enter("reply");
  const { waitMs, inferMs } = stages.timings;
  assert.deepEqual([waitMs, inferMs], [12, 8]);
});

Deno.test("of many batches the first are told, and the time of all is added up", () => {
  const stages = testStages(new ManualClock());
  for (let number = 1; number <= 2 * BATCHES_TOLD_MAX; number++) {
    stages.ran({ ...BATCH, number, ms: 1.5 }, 1);
  }
  const told = stages.work.batches.map(({ number }) => number);
  assert.deepEqual(told, Array.from({ length: BATCHES_TOLD_MAX }, (_, i) => i + 1));
  assert.equal(stages.timings.inferMs, 3 * BATCHES_TOLD_MAX);
});

Deno.test("milliseconds are rounded to hundredths", () => {
  assert.equal(round(1.005001), 1.01);
  assert.equal(round(0.004), 0);
  assert.equal(round(12), 12);
});
