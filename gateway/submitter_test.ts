import assert from "node:assert/strict";
import { keys, MODEL } from "../shared/testing/broker.ts";
import { freeze } from "../shared/testing/redis.ts";
import {
  formOf,
  openApp,
  openBareApp,
  type OpenedApp,
  PHOTO,
  problem,
  STAR,
} from "./testing/app.ts";

/** Waits until somebody waits for a job. */
async function untilWaiting({ waiters, broker }: OpenedApp): Promise<void> {
  while (waiters.size === 0) await broker.redis.client.ping();
}

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

Deno.test("a body that comes too slowly is refused with 408 request_timeout", async () => {
  const { app, clock } = openBareApp();
  const body = new ReadableStream();
  const posting = app.request("/v1/jobs", { method: "POST", body });
  await clock.untilWaiting();
  clock.advance(30_000);
  await problem(await posting, 408, "request_timeout");
});

Deno.test("images that are small enough each may be too large together", async () => {
  await using opened = await openApp();
  // 750 pixels each, where one may have 1,000.
  const photo = PHOTO.with(6, 250);
  const form = (photos: number) => {
    const part = '--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n';
    const body = new Blob([...Array(photos).fill([part, photo, "\r\n"]).flat(), "--x--"]);
    return { body, headers: { "content-type": "multipart/form-data; boundary=x" } };
  };
  const accepted = await opened.post("/v1/jobs", form(5));
  assert.equal(accepted.status, 202);
  const detail = await problem(await opened.post("/v1/jobs", form(6)), 413, "payload_too_large");
  assert.equal(detail, "read images: together, at most 4000 pixels are accepted");
});

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

Deno.test("whoever waits is refused where the wait is too long, and told how long it is", async () => {
  await using opened = await openApp();
  await opened.post("/v1/jobs");
  await opened.post("/v1/jobs");
  // Two images in 40 s: longer than any deadline here.
  await opened.broker.redis.client.hset(keys.load(MODEL), "rate", 2 / 40_000);
  const refused = await opened.post("/predict");
  assert.equal(refused.headers.get("retry-after"), "40");
  await problem(refused, 503, "at_capacity");
  const longer = { headers: { "x-request-timeout-ms": "39999" } };
  await problem(await opened.post("/predict", longer), 503, "at_capacity");
  assert.equal((await opened.post("/v1/jobs")).status, 202);
  await opened.broker.redis.client.hset(keys.load(MODEL), "rate", 3 / 400);
  const hasty = await opened.post("/predict", { headers: { "x-request-timeout-ms": "300" } });
  assert.equal(hasty.headers.get("retry-after"), "1");
  await problem(hasty, 503, "at_capacity");
  await opened.broker.redis.client.hset(keys.load(MODEL), "rate", 1 / 400_000);
  assert.equal((await opened.post("/predict")).headers.get("retry-after"), "60");
  assert.equal(await opened.broker.redis.client.hget(keys.load(MODEL), "jobs"), "3");
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
