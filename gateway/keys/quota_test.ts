import assert from "node:assert/strict";
import { QuotaKeys } from "../../shared/redis/keys.ts";
import type { Quota } from "../../shared/quota.ts";
import { CARD } from "../../shared/testing/broker.ts";
import {
  formOf,
  openApp,
  type OpenAppOptions,
  type OpenedApp,
  PHOTO,
  problem,
} from "../testing/app.ts";
import { keyDigest, newApiKey } from "./api_key.ts";

const KEY = newApiKey();
const HEADERS = { authorization: `Bearer ${KEY}` };
const HOUR_MS = 3_600_000;

/** An application whose one key has a quota. */
function open(quota: Quota, options: OpenAppOptions = {}): Promise<OpenedApp> {
  const key = { name: "ada", digest: keyDigest(KEY), role: "client", quota } as const;
  return openApp({ ...options, keys: [key] });
}

function submit(opened: OpenedApp, headers: Record<string, string> = {}): Promise<Response> {
  return opened.post("/v1/jobs", { headers: { ...HEADERS, ...headers } });
}

/** The fields of a quota, seconds to the end of the window left out. */
function limits({ headers }: Response): (string | undefined)[] {
  const left = headers.get("ratelimit")?.replace(/;t=3600|;t=3599/g, ";t");
  return [headers.get("ratelimit-policy") ?? undefined, left];
}

Deno.test("a key's jobs are answered with what is left of its quota, and then with 429", async () => {
  await using opened = await open({ windowMs: HOUR_MS, requestsMax: 2 });
  const policy = '"requests";q=2;w=3600';
  for (const left of [1, 0]) {
    const response = await submit(opened);
    assert.equal(response.status, 202);
    assert.deepEqual(limits(response), [policy, `"requests";r=${left};t`]);
  }
  for (const path of ["/v1/jobs", "/predict"]) {
    const response = await opened.post(path, { headers: HEADERS });
    assert.deepEqual(limits(response), [policy, '"requests";r=0;t']);
    assert.match(response.headers.get("retry-after")!, /^(3600|3599)$/);
    const detail = await problem(response, 429, "rate_limited");
    assert.equal(detail, "the API key's quota is used up: 2 requests in 3600 s");
  }
  assert.equal((await opened.broker.redis.client.keys("weir:*:job:*")).length, 2);
});

Deno.test("reading takes nothing of a quota, and tells it", async () => {
  await using opened = await open({ windowMs: HOUR_MS, requestsMax: 1 });
  const path = (await submit(opened)).headers.get("location")!;
  for (const read of [path, "/v1/models", path]) {
    const response = await opened.app.request(read, { headers: HEADERS });
    assert.equal(response.status, 200);
    assert.deepEqual(limits(response), ['"requests";q=1;w=3600', undefined]);
  }
});

Deno.test("images of a form count together, and more bytes than ever is 413", async () => {
  const bytesMax = PHOTO.length * 3;
  await using opened = await open({ windowMs: HOUR_MS, bytesMax });
  const photos = (count: number) => opened.post("/v1/jobs", { headers: HEADERS, ...formOf(count) });
  const tooMany = await photos(4);
  assert.equal(
    await problem(tooMany, 413, "payload_too_large"),
    `the API key's quota is ${bytesMax} bytes of images in 3600 s`,
  );
  assert.equal((await photos(2)).status, 202);
  const spent = await photos(2);
  assert.deepEqual(limits(spent), [
    `"bytes";q=${bytesMax};qu="content-bytes";w=3600`,
    `"bytes";r=${PHOTO.length};t`,
  ]);
  assert.equal(
    await problem(spent, 429, "rate_limited"),
    `the API key's quota is used up: ${bytesMax} bytes of images in 3600 s`,
  );
});

Deno.test("a job is one of those at once until it has its outcome", async () => {
  await using opened = await open({ windowMs: HOUR_MS, jobsMax: 1 });
  const { client } = opened.broker.redis;
  const jobs = new QuotaKeys("ada").jobs();
  const predicting = opened.post("/predict", { headers: HEADERS });
  const { end, delivery } = await opened.begin();
  const refused = await submit(opened);
  assert.deepEqual(limits(refused), ['"jobs";q=1;qu="concurrent-requests"', '"jobs";r=0']);
  assert.equal(refused.headers.get("retry-after"), "1");
  const detail = await problem(refused, 429, "rate_limited");
  assert.equal(detail, "the API key's quota is used up: 1 job at once");
  await end({
    state: "succeeded",
    results: delivery.images.map(() => ({ predictions: [] })),
    timings: {},
  });
  assert.equal((await predicting).status, 200);
  while (await client.zcard(jobs) > 0) await client.ping();

  const path = (await submit(opened)).headers.get("location")!;
  assert.equal(await client.zcard(jobs), 1);
  await opened.app.request(path, { method: "DELETE", headers: HEADERS });
  while (await client.zcard(jobs) > 0) await client.ping();
});

Deno.test("what is not queued after all is none of the jobs at once", async () => {
  await using opened = await open({ windowMs: HOUR_MS, jobsMax: 2 }, { jobsMax: 1 });
  const { client } = opened.broker.redis;
  const once = { "idempotency-key": "once" };
  assert.equal((await submit(opened, once)).status, 202);
  for (
    const [headers, status] of [
      [once, 202],
      [{}, 503],
      [{ ...once, "x-request-timeout-ms": "1" }, 202],
    ] as const
  ) {
    assert.equal((await submit(opened, headers)).status, status);
    assert.equal(await client.zcard(new QuotaKeys("ada").jobs()), 1);
  }
});

Deno.test("what Redis could not take in is none of the jobs at once", async () => {
  await using opened = await open({ windowMs: HOUR_MS, jobsMax: 1 });
  const { shard: { keys }, redis: { client } } = opened.broker;
  await client.set(keys.load(CARD.name), "no load");
  await problem(await submit(opened), 503, "busy");
  while (await client.zcard(new QuotaKeys("ada").jobs()) > 0) await client.ping();
  await client.del(keys.load(CARD.name));
  assert.equal((await submit(opened)).status, 202);
});

Deno.test("a key without a quota costs redis nothing, and its answers tell of none", async () => {
  const key = { name: "ada", digest: keyDigest(KEY), role: "client" } as const;
  await using opened = await openApp({ keys: [key] });
  const response = await submit(opened);
  assert.deepEqual(limits(response), [undefined, undefined]);
  assert.deepEqual(await opened.broker.redis.client.keys("weir:{q:*"), []);
});
