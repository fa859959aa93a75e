import assert from "node:assert/strict";
import { round } from "./prepared.ts";
import { testJob } from "./testing/jobs.ts";

const answer = (label: string) => ({ predictions: [{ label, probability: 1 }] });

Deno.test("a job is done with its last image, its answers in order, its time added up", () => {
  const job = testJob([0, 1, 2]);
  assert.equal(job.answer(answer("zero"), { ms: 1.25, images: 4 }), false);
  assert.equal(job.answer(answer("one"), { ms: 1.25, images: 4 }), false);
  assert.equal(job.answer(answer("two"), { ms: 2.004, images: 1 }), true);
  assert.deepEqual(job.succeeded(), {
    delivery: job.delivery,
    tell: "g1",
    outcome: {
      state: "succeeded",
      results: [answer("zero"), answer("one"), answer("two")],
      timings: { decodeMs: 4, inferMs: 4.5, batchImages: 2 },
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

Deno.test("milliseconds are rounded to hundredths", () => {
  assert.equal(round(1.005001), 1.01);
  assert.equal(round(0.004), 0);
  assert.equal(round(12), 12);
});
