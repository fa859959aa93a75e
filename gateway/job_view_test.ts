import assert from "node:assert/strict";
import type { JobRecord } from "../shared/job.ts";
import { newJob } from "../shared/testing/broker.ts";
import { jobView } from "./job_view.ts";

const queued: JobRecord = {
  owner: "ada",
  id: newJob().id,
  model: "shapes",
  state: "queued",
  createdAt: 1_763_718_546_123,
  deadlineAt: 1_763_718_576_123,
  attempts: 0,
  images: { total: 2, done: 0 },
  timings: {},
};
const star = { predictions: [{ label: "star", probability: 0.75 }] };
const ring = { predictions: [{ label: "ring", probability: 0.5 }] };

Deno.test("a queued job shows all its members, what is not known yet as null", () => {
  assert.deepEqual(jobView(queued), {
    id: queued.id,
    model: "shapes",
    version: null,
    state: "queued",
    createdAt: "2025-11-21T09:49:06.123Z",
    startedAt: null,
    finishedAt: null,
    attempts: 0,
    images: { total: 2, done: 0 },
    result: null,
    error: null,
    timings: { queueMs: null, decodeMs: null, inferMs: null, totalMs: null },
  });
});

Deno.test("a finished job shows its times, its answer and no more than clients may know", () => {
  const view = jobView({
    ...queued,
    state: "succeeded",
    startedAt: queued.createdAt + 2,
    finishedAt: queued.createdAt + 20,
    attempts: 1,
    version: "2",
    results: [star, ring],
    timings: { queueMs: 2, decodeMs: 4.5, inferMs: 9, totalMs: 20 },
  });
  assert.equal(view.version, "2");
  assert.equal(view.startedAt, "2025-11-21T09:49:06.125Z");
  assert.equal(view.finishedAt, "2025-11-21T09:49:06.143Z");
  assert.deepEqual(view.result, { predictions: star.predictions, results: [star, ring] });
  assert.deepEqual(view.timings, { queueMs: 2, decodeMs: 4.5, inferMs: 9, totalMs: 20 });
  assert(!("deadlineAt" in view));
});

Deno.test("a failed job shows its fault", () => {
  const error = { code: "undecodable_image", detail: "damaged" } as const;
  const view = jobView({ ...queued, state: "failed", error });
  assert.deepEqual([view.error, view.result], [error, null]);
});
