import assert from "node:assert/strict";
import type { Outcome } from "../../shared/broker.ts";
import { keys, MODEL } from "../../shared/testing/broker.ts";
import { freeze } from "../../shared/testing/redis.ts";
import { openApp, type OpenedApp, PHOTO, problem } from "../testing/app.ts";

const STAR = [{ label: "star", probability: 0.75 }];

/** A form with so many photos. */
function formOf(photos: number): RequestInit {
  const body = new FormData();
  for (let i = 0; i < photos; i++) body.append("image", new Blob([PHOTO]), `photo ${i}.gif`);
  return { body };
}

/** Waits until somebody waits for a job. */
async function untilWaiting({ waiters, broker }: OpenedApp): Promise<void> {
  while (waiters.size === 0) await broker.redis.client.ping();
}

Deno.test("predict answers a bare photo as the Flask original does", async () => {
  await using opened = await openApp();
  const predicting = opened.post("/predict");
  const delivery = await opened.answer();
  const response = await predicting;
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { success: true, predictions: STAR });
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
    { state: "expired", timings: {} },
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

Deno.test("a request with the same key and photo is the same job, and leaving leaves it", async () => {
  await using opened = await openApp();
  const headers = { "idempotency-key": "order 17" };
  const client = new AbortController();
  const first = opened.post("/predict", { headers, signal: client.signal });
  const { delivery, end } = await opened.begin();
  client.abort();
  await first;
  assert.equal((await opened.broker.queue.get(delivery.id))?.state, "running");
  const second = opened.post("/predict", { headers });
  await untilWaiting(opened);
  await end({ state: "succeeded", results: [{ predictions: STAR }], timings: {} });
  assert.deepEqual((await (await second).json()).predictions, STAR);
  const third = await opened.post("/v1/jobs", { headers: { ...headers, prefer: "wait=1" } });
  assert.equal((await third.json()).id, delivery.id);
  const other = await opened.post("/predict?top=2", { headers });
  await problem(other, 422, "idempotency_mismatch");
  assert.equal(await opened.broker.redis.client.xlen(keys.jobs(MODEL, 0)), 0);
});

Deno.test("a job is accepted with its address, and the answer does not wait", async () => {
  await using opened = await openApp();
  const response = await opened.post("/v1/jobs");
  assert.equal(response.status, 202);
  const job = await response.json();
  assert.equal(response.headers.get("location"), `/v1/jobs/${job.id}`);
  assert.equal(response.headers.has("preference-applied"), false);
  assert.deepEqual([job.state, job.model, job.images], ["queued", MODEL, { total: 1, done: 0 }]);
  assert.equal(opened.waiters.size, 0);
});

Deno.test("a job that is waited for answers 200 when it is done in time", async () => {
  await using opened = await openApp();
  const creating = opened.post("/v1/jobs", { headers: { prefer: "wait=20" } });
  await opened.answer();
  const response = await creating;
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("preference-applied"), "wait=20");
  const job = await response.json();
  assert.equal(response.headers.get("location"), `/v1/jobs/${job.id}`);
  assert.deepEqual([job.state, job.result], ["succeeded", { predictions: STAR }]);
});

Deno.test("a job that is waited for answers 200 when it failed in time", async () => {
  await using opened = await openApp();
  const creating = opened.post("/v1/jobs", { headers: { prefer: "wait=20" } });
  const error = { code: "undecodable_image", detail: "damaged" } as const;
  await (await opened.begin()).end({ state: "failed", error, timings: {} });
  const response = await creating;
  assert.equal(response.status, 200);
  assert.deepEqual((await response.json()).error, error);
});

Deno.test("a job that is waited for answers 202 when the time is over", async () => {
  await using opened = await openApp();
  const response = await opened.post("/v1/jobs", { headers: { prefer: "wait=1" } });
  assert.equal(response.status, 202);
  assert.equal((await response.json()).state, "queued");
  assert.equal(opened.waiters.size, 0);
});

Deno.test("a job goes on when the client that waited for it leaves", async () => {
  await using opened = await openApp();
  const client = new AbortController();
  const creating = opened.post("/v1/jobs", {
    headers: { prefer: "wait=20" },
    signal: client.signal,
  });
  const { delivery } = await opened.begin();
  client.abort();
  await creating;
  assert.equal((await opened.broker.queue.get(delivery.id))?.state, "running");
});

const refused: [name: string, path: string, init: RequestInit, status: number, code: string][] = [
  ["an empty body", "/predict", { body: "" }, 400, "invalid_request"],
  ["no image in the form", "/predict", formOf(0), 400, "invalid_request"],
  ["top=0", "/predict?top=0", {}, 400, "invalid_request"],
  ["an unknown parameter", "/v1/jobs?tpo=5", {}, 400, "invalid_request"],
  ["an unknown model", "/predict?model=imagenet", {}, 404, "not_found"],
  ["too many bytes", "/predict", { body: new Uint8Array(1_001) }, 413, "payload_too_large"],
  [
    "too many pixels",
    "/v1/jobs",
    { body: PHOTO.with(7, 4) },
    413,
    "payload_too_large",
  ],
  ["a text", "/predict", { body: "a photo, honestly" }, 415, "unsupported_media_type"],
  ["half a header", "/predict", { body: PHOTO.slice(0, 7) }, 422, "undecodable_image"],
];

for (const [name, path, init, status, code] of refused) {
  Deno.test(`${name} is refused with ${status} ${code}, and nothing is queued`, async () => {
    await using opened = await openApp();
    await problem(await opened.post(path, init), status, code);
    assert.equal(await opened.broker.redis.client.xlen(keys.jobs(MODEL, 0)), 0);
    assert.equal(opened.waiters.size, 0);
  });
}

Deno.test("the image that is refused is named by its place where there are several", async () => {
  await using opened = await openApp();
  const body = new FormData();
  body.append("image", new Blob([PHOTO]));
  body.append("image", new Blob(["a photo, honestly"]));
  const detail = await problem(
    await opened.post("/predict", { body }),
    415,
    "unsupported_media_type",
  );
  assert.match(detail, /^image 2 of 2: /);
});

Deno.test("a full queue is 503 at capacity", async () => {
  await using opened = await openApp({ jobsMax: 1 });
  assert.equal((await opened.post("/v1/jobs")).status, 202);
  const response = await opened.post("/predict");
  assert.equal(response.headers.get("retry-after"), "1");
  await problem(response, 503, "at_capacity");
  assert.equal(opened.waiters.size, 0);
  assert.equal(opened.log.lines.at(-1)?.message, "queue is full");
});

Deno.test("a gateway that drains takes nothing, and finishes what it has", async () => {
  await using opened = await openApp();
  const predicting = opened.post("/predict");
  const { delivery, end } = await opened.begin();
  opened.drain();
  for (const path of ["/predict", "/v1/jobs"]) {
    const response = await opened.post(path);
    assert.equal(response.headers.get("retry-after"), "1");
    await problem(response, 503, "at_capacity");
  }
  assert.equal((await opened.app.request(`/v1/jobs/${delivery.id}`)).status, 200);
  await end({ state: "succeeded", results: [{ predictions: STAR }], timings: {} });
  assert.equal((await predicting).status, 200);
});

Deno.test("a redis that hangs is 503 busy, a redis without memory 503 at capacity", async () => {
  await using opened = await openApp({ redisTimeoutMs: 200 });
  const { broker: { redis }, log } = opened;
  // The directory is known by now: the submit itself is what fails.
  assert.equal((await opened.post("/v1/jobs")).status, 202);
  await redis.client.config("SET", "maxmemory", 1);
  await problem(await opened.post("/predict"), 503, "at_capacity");
  assert.deepEqual(log.lines.at(-1)?.level, "error");
  assert.match(log.lines.at(-1)!.message, /critical/);
  {
    using _ = await freeze(redis);
    const response = await opened.post("/predict");
    assert.equal(response.headers.get("retry-after"), "1");
    await problem(response, 503, "busy");
  }
  assert.equal(opened.waiters.size, 0);
});

Deno.test("a deployment that no worker has ever joined is busy", async () => {
  await using opened = await openApp({ served: false });
  await problem(await opened.post("/predict"), 503, "busy");
});
