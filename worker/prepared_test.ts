import assert from "node:assert/strict";
import { testJob } from "./testing/jobs.ts";

const answer = (label: string) => ({ predictions: [{ label, probability: 1 }] });

Deno.test("a job is done with its last image, its answers in order, its batches' time added up", () => {
  const job = testJob([0, 1, 2]);
  const batch = { number: 1, jobs: 1, mates: [] };
  job.stages.ran({ ...batch, images: 4, ms: 2.5 }, 2);
  assert.equal(job.answer(answer("zero")), false);
  assert.equal(job.answer(answer("one")), false);
  job.stages.ran({ ...batch, images: 1, ms: 2.004 }, 1);
  assert.equal(job.answer(answer("two")), true);
  assert.deepEqual(job.succeeded(), {
    delivery: job.delivery,
    tell: "g1",
    outcome: {
      state: "succeeded",
      results: [answer("zero"), answer("one"), answer("two")],
      version: "2",
      timings: { decodeMs: 4, waitMs: 0, inferMs: 4.5, batchImages: 2 },
    },
  });
});

Deno.test("a job that cannot be done tells its reason and its attempts", () => {
  const job = testJob([0], { attempt: 3 });
  assert.deepEqual(job.dead("the model failed").outcome, {
    state: "dead",
    error: { code: "job_failed", detail: "the model failed" },
    attempts: 3,
  });
});
