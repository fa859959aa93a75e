import assert from "node:assert/strict";
import type { FinalState, JobRecord, Timings } from "../../shared/job.ts";
import { newJob } from "../../shared/testing/broker.ts";
import { SampleSchema } from "./sample.ts";
import { Tally } from "./tally.ts";

function ended(state: FinalState, timings: Timings = {}, total = 1): JobRecord {
  const { id, owner, model } = newJob();
  const images = { total, done: total };
  return { id, owner, model, state, createdAt: 0, deadlineAt: 1, attempts: 1, images, timings };
}

const TIMINGS = {
  queueMs: 10,
  decodeMs: 20,
  waitMs: 15,
  inferMs: 30,
  totalMs: 100,
  batchImages: 4,
};

Deno.test("a job's time is its stages', and what is left of it the reply's", () => {
  const tally = new Tally();
  tally.end(ended("succeeded", TIMINGS));
  const means = [...tally.stages].map(([stage, { mean }]) => [stage, mean]);
  assert.deepEqual(Object.fromEntries(means), {
    ...{ queue: 10, decode: 20, wait: 15, infer: 30, reply: 25, total: 100 },
  });
});

Deno.test("what was lost with a worker is not taken for the reply", () => {
  const tally = new Tally();
  tally.end({ ...ended("succeeded", { ...TIMINGS, totalMs: 30_000 }), attempts: 2 });
  assert.equal(tally.stages.get("reply")!.count, 0);
  assert.equal(tally.stages.get("total")!.mean, 30_000);
});

Deno.test("jobs of one batch are one batch, however many tell of it", () => {
  const tally = new Tally();
  assert.equal(tally.batchImages, null);
  for (let job = 0; job < 3; job++) tally.end(ended("succeeded", { ...TIMINGS, batchImages: 3 }));
  tally.end(ended("succeeded", { ...TIMINGS, batchImages: 1 }));
  assert.equal(tally.batches, 2);
  assert.equal(tally.batchImages, 2);
});

Deno.test("only answered jobs tell how long it takes, all how they ended", () => {
  const tally = new Tally();
  assert(tally.isEmpty);
  for (const state of ["failed", "expired", "cancelled", "failed"] as const) {
    tally.end(ended(state, { totalMs: 1 }));
  }
  assert.deepEqual(tally.finished, { failed: 2, expired: 1, cancelled: 1 });
  assert.equal(tally.done, 4);
  assert.equal(tally.stages.get("total")!.count, 0);
  tally.end({ ...ended("failed"), state: "running" });
  assert.equal(tally.done, 4);
});

Deno.test("what is kept of two tallies adds up to what one would have seen", () => {
  const [one, other, both] = [new Tally(), new Tally(), new Tally()];
  for (const tally of [one, both]) tally.end(ended("succeeded", TIMINGS, 2));
  for (const tally of [other, both]) {
    tally.submitted++;
    tally.end(ended("succeeded", { ...TIMINGS, totalMs: 900 }));
    tally.end(ended("cancelled"));
  }
  const sum = new Tally();
  for (const tally of [one, other]) {
    const kept = JSON.stringify({ at: 0, gateway: "g", ...tally.toSample() });
    sum.merge(SampleSchema.parse(JSON.parse(kept)));
  }
  assert.deepEqual(sum.toSample(), both.toSample());
});
