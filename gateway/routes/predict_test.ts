import assert from "node:assert/strict";
import type { Outcome } from "../../shared/broker.ts";
import { MODEL } from "../../shared/testing/broker.ts";
import { formOf, openApp, PHOTO, problem, STAR } from "../testing/app.ts";

Deno.test("predict answers a bare photo as the Flask original does", async () => {
  await using opened = await openApp();
  const predicting = opened.post("/predict");
  const delivery = await opened.answer();
  const response = await predicting;
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { success: true, predictions: STAR });
  assert.equal(response.headers.get("x-job-id"), delivery.id);
  assert.deepEqual(delivery.images.map((image) => [...image]), [[...PHOTO]]);
  assert.equal(delivery.model, MODEL);
  assert.equal(opened.waiters.size, 0);
  assert.equal(opened.waiters.fallbacks, 0);
});

Deno.test("predict answers a form's photo, and several in order besides", async () => {
  await using opened = await openApp();
  for (const [photos, results] of [[1, undefined], [3, 3]] as const) {
    const predicting = opened.post("/predict?top=2", formOf(photos));
    const delivery = await opened.answer();
    assert.deepEqual([delivery.images.length, delivery.top], [photos, 2]);
    const answer = await (await predicting).json();
    assert.deepEqual(answer.predictions, STAR);
    assert.equal(answer.results?.length, results);
  }
});

Deno.test("predict answers many at once, each with its own answer", async () => {
  await using opened = await openApp();
  const requests = Array.from({ length: 20 }, (_, i) => opened.post(`/predict?top=${i + 1}`));
  for (let i = 0; i < requests.length; i++) {
    const { delivery, end } = await opened.begin();
    const results = [{ predictions: [{ label: `top ${delivery.top}`, probability: 1 }] }];
    await end({ state: "succeeded", results, timings: {} });
  }
  const labels = await Promise.all(requests.map(async (request) => {
    const { predictions } = await (await request).json();
    return predictions[0].label;
  }));
  assert.deepEqual(labels, labels.map((_, i) => `top ${i + 1}`));
  assert.equal(opened.waiters.size, 0);
});

const ends: [outcome: Outcome, status: number, code: string, detail: string][] = [
  [
    {
      state: "failed",
      error: { code: "undecodable_image", detail: "image 2 of 2: damaged" },
      timings: {},
    },
    422,
    "undecodable_image",
    "image 2 of 2: damaged",
  ],
  [
    { state: "dead", error: { code: "job_failed", detail: "given up" }, attempts: 3 },
    500,
    "job_failed",
    "given up",
  ],
  [
    { state: "expired", timings: {}, delivery: 1 },
    504,
    "deadline_exceeded",
    "the job's deadline passed before it was done",
  ],
];

for (const [outcome, status, code, detail] of ends) {
  Deno.test(`predict answers ${status} ${code} for a job that is ${outcome.state}`, async () => {
    await using opened = await openApp();
    const predicting = opened.post("/predict");
    await (await opened.begin()).end(outcome);
    assert.equal(await problem(await predicting, status, code), detail);
  });
}

Deno.test("predict answers 504 at the deadline, and the job is over by then", async () => {
  await using opened = await openApp();
  const response = await opened.post("/predict", { headers: { "x-request-timeout-ms": "30" } });
  await problem(response, 504, "deadline_exceeded");
  const [id] = await opened.broker.redis.client.keys("weir:*:job:*");
  assert.equal(await opened.broker.redis.client.hget(id!, "state"), "expired");
  assert.equal(opened.waiters.size, 0);
});

Deno.test("predict answers 409 to who waits for a job that another cancels", async () => {
  await using opened = await openApp();
  const predicting = opened.post("/predict");
  const { delivery } = await opened.begin();
  const cancelled = await opened.app.request(`/v1/jobs/${delivery.id}`, { method: "DELETE" });
  assert.equal(cancelled.status, 200);
  await problem(await predicting, 409, "job_finished");
});

Deno.test("predict whose client leaves cancels its job", async () => {
  await using opened = await openApp();
  const client = new AbortController();
  const predicting = opened.post("/predict", { signal: client.signal });
  const { delivery } = await opened.begin();
  client.abort();
  await predicting;
  assert.equal((await opened.broker.queue.get(delivery.id))?.state, "cancelled");
  assert.equal(opened.waiters.size, 0);
});

Deno.test("predict whose client leaves lets a job be that somebody else waits for", async () => {
  await using opened = await openApp();
  const client = new AbortController();
  const predicting = opened.post("/predict", { signal: client.signal });
  const { delivery, end } = await opened.begin();
  const polling = opened.app.request(`/v1/jobs/${delivery.id}`, { headers: { prefer: "wait=20" } });
  while (opened.waiters.size < 2) await opened.broker.redis.client.ping();
  client.abort();
  await predicting;
  assert.equal((await opened.broker.queue.get(delivery.id))?.state, "running");
  await end({ state: "succeeded", results: [{ predictions: STAR }], timings: {} });
  assert.equal((await (await polling).json()).state, "succeeded");
});

Deno.test("predict answers busy once redis has lost its data", async () => {
  await using opened = await openApp();
  const { broker } = opened;
  const predicting = opened.post("/predict");
  await opened.begin();
  await broker.redis.client.flushall();
  await broker.feed.renew();
  await problem(await predicting, 503, "busy");
});
