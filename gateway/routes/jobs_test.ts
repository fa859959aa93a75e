import assert from "node:assert/strict";
import { keys, MODEL, newJob, submit } from "../../shared/testing/broker.ts";
import { freeze } from "../../shared/testing/redis.ts";
import { openApp, problem, STAR } from "../testing/app.ts";

const PREFER_A_SECOND = { headers: { prefer: "wait=1" } };
const POLL = { headers: { prefer: "wait=20" } };

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

Deno.test("an accepted job is answered from what is known, although Redis goes away", async () => {
  await using opened = await openApp({ redisTimeoutMs: 200 });
  const { broker, post, app } = opened;
  const [accepted, waiting] = [post("/v1/jobs"), post("/v1/jobs", PREFER_A_SECOND)];
  const known = await (await accepted).json();
  for (let i = 0; i < 2; i++) await opened.begin();
  {
    using _ = await freeze(broker.redis);
    const response = await waiting;
    assert.equal(response.status, 202);
    assert.equal((await response.json()).state, "queued");
  }
  const { startedAt, state, attempts, timings, ...rest } = await (await app.request(
    `/v1/jobs/${known.id}`,
  )).json();
  assert.deepEqual([state, attempts, typeof startedAt], ["running", 1, "string"]);
  assert.deepEqual(known, {
    ...rest,
    startedAt: null,
    state: "queued",
    attempts: 0,
    timings: { ...timings, queueMs: null },
  });
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
  const response = await opened.post("/v1/jobs", PREFER_A_SECOND);
  assert.equal(response.status, 202);
  assert.equal((await response.json()).state, "queued");
  assert.equal(opened.waiters.size, 0);
});

Deno.test("who waits longer than to the deadline is answered then, with the expired job", async () => {
  await using opened = await openApp();
  for (const prefer of ["wait=20", "wait=1"]) {
    const headers = { "x-request-timeout-ms": "1000", prefer };
    const response = await opened.post("/v1/jobs", { headers });
    assert.equal(response.status, 200);
    assert.equal((await response.json()).state, "expired");
  }
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

Deno.test("a job is read from queued to succeeded", async () => {
  await using opened = await openApp();
  const { app, broker } = opened;
  const id = await submit(broker);
  const states: string[] = [];
  const look = async () => {
    const response = await app.request(`/v1/jobs/${id}`);
    assert.equal(response.status, 200);
    const job = await response.json();
    assert.equal(job.id, id);
    states.push(job.state);
    return job;
  };
  await look();
  const { end } = await opened.begin();
  await look();
  await end({ state: "succeeded", results: [{ predictions: STAR }], timings: {} });
  assert.deepEqual((await look()).result, { predictions: STAR });
  assert.deepEqual(states, ["queued", "running", "succeeded"]);
});

Deno.test("a long poll ends with the outcome, and asks redis nothing in between", async () => {
  await using opened = await openApp();
  const { app, broker, waiters } = opened;
  const id = await submit(broker);
  const polling = Array.from({ length: 3 }, () => app.request(`/v1/jobs/${id}`, POLL));
  while (waiters.countFor(id) < 3) await broker.redis.client.ping();
  await opened.answer();
  for (const response of await Promise.all(polling)) {
    assert.equal(response.headers.get("preference-applied"), "wait=20");
    assert.equal((await response.json()).state, "succeeded");
  }
  assert.deepEqual([waiters.size, waiters.fallbacks], [0, 0]);
});

Deno.test("a long poll at another gateway than the job's is told of the outcome", async () => {
  await using opened = await openApp();
  const { app, broker } = opened;
  const job = newJob();
  await broker.gateway("g2").submit(job);
  const polling = app.request(`/v1/jobs/${job.id}`, POLL);
  while (await broker.redis.client.hget(keys.job(job.id), "tell") !== "g2 g1");
  await opened.answer();
  assert.equal((await (await polling).json()).state, "succeeded");
  assert.equal(opened.waiters.fallbacks, 0);
});

Deno.test("a long poll of a finished job does not wait", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker);
  await opened.answer();
  const response = await opened.app.request(`/v1/jobs/${id}`, POLL);
  assert.equal((await response.json()).state, "succeeded");
});

Deno.test("a long poll whose time is over answers with the job as it is", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker);
  const headers = { prefer: "wait=1" };
  const response = await opened.app.request(`/v1/jobs/${id}`, { headers });
  assert.equal((await response.json()).state, "queued");
  assert.equal(opened.waiters.size, 0);
});

Deno.test("a long poll whose client leaves cancels nothing", async () => {
  await using opened = await openApp();
  const { app, broker, waiters } = opened;
  const id = await submit(broker);
  const client = new AbortController();
  const polling = app.request(`/v1/jobs/${id}`, { ...POLL, signal: client.signal });
  while (waiters.size === 0) await broker.redis.client.ping();
  client.abort();
  await polling;
  assert.equal((await broker.queue.get(id))?.state, "queued");
  assert.equal(waiters.size, 0);
});

Deno.test("a job past its deadline is expired by who looks at it first", async () => {
  await using opened = await openApp();
  const { app, broker } = opened;
  for (const init of [{}, POLL]) {
    const id = await submit(broker);
    await broker.redis.client.hset(keys.job(id), "deadline", 1);
    const response = await app.request(`/v1/jobs/${id}`, init);
    assert.equal((await response.json()).state, "expired");
  }
});

Deno.test("a job is cancelled queued or running, and then it has an outcome", async () => {
  await using opened = await openApp();
  const { app, broker } = opened;
  const cancel = (id: string) => app.request(`/v1/jobs/${id}`, { method: "DELETE" });
  const running = await submit(broker);
  await opened.begin();
  const queued = await submit(broker);
  for (const id of [running, queued]) {
    const response = await cancel(id);
    assert.equal(response.status, 200);
    assert.equal((await response.json()).state, "cancelled");
    const detail = await problem(await cancel(id), 409, "job_finished");
    assert.equal(detail, "the job has finished: cancelled");
  }
});

Deno.test("a job that is cancelled twice at once is cancelled for both", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker);
  // As where the reply to the first try is lost, and it is sent once more.
  const cancel = () => opened.app.request(`/v1/jobs/${id}`, { method: "DELETE" });
  for (const response of await Promise.all([cancel(), cancel()])) {
    assert.equal(response.status, 200);
    assert.equal((await response.json()).state, "cancelled");
  }
});

Deno.test("what is no job is 404", async () => {
  await using opened = await openApp();
  const { app } = opened;
  const ids = [newJob().id, "nonsense", "0-*", "%00", "..%2F..%2Fetc"];
  for (const id of ids) {
    for (const init of [{}, POLL, { method: "DELETE" }]) {
      await problem(await app.request(`/v1/jobs/${id}`, init), 404, "not_found");
    }
  }
});
