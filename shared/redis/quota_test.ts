import assert from "node:assert/strict";
import { movedTo } from "../job.ts";
import { newJob } from "../testing/broker.ts";
import { commandCalls, type TestRedis, testRedis } from "../testing/redis.ts";
import type { Quota, QuotaUse, Taken } from "../quota.ts";
import { QuotaKeys } from "./keys.ts";
import { RedisQuotas } from "./quota.ts";

const ADA = new QuotaKeys("ada");
const HOUR_MS = 3_600_000;

function use(overrides: Partial<QuotaUse> = {}): QuotaUse {
  return { id: newJob().id, bytes: 10, timeoutMs: 60_000, ...overrides };
}

/** Takes for Ada; what is refused, or what is used after it. */
async function take(quotas: RedisQuotas, quota: Quota, one = use()): Promise<string> {
  return shown(await quotas.take("ada", quota, one));
}

function shown({ refused, state: { requests, bytes, jobs } }: Taken): string {
  return `${refused ?? "taken"}: ${requests} requests, ${bytes} bytes, ${jobs} jobs`;
}

async function lifetimes({ client }: TestRedis): Promise<number[]> {
  return await Promise.all([ADA.used(), ADA.jobs()].map((key) => client.pttl(key)));
}

Deno.test("requests are counted up to their bound, and a refused one is not counted", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: HOUR_MS, requestsMax: 2 };
  assert.equal(await take(quotas, quota), "taken: 1 requests, 10 bytes, 0 jobs");
  assert.equal(await take(quotas, quota), "taken: 2 requests, 20 bytes, 0 jobs");
  assert.equal(await take(quotas, quota), "requests: 2 requests, 20 bytes, 0 jobs");
  assert.equal(await take(quotas, quota), "requests: 2 requests, 20 bytes, 0 jobs");
});

Deno.test("bytes are counted up to their bound, and what fits is still taken", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: HOUR_MS, bytesMax: 25 };
  assert.equal(await take(quotas, quota), "taken: 1 requests, 10 bytes, 0 jobs");
  assert.equal(
    await take(quotas, quota, use({ bytes: 16 })),
    "bytes: 1 requests, 10 bytes, 0 jobs",
  );
  assert.equal(
    await take(quotas, quota, use({ bytes: 15 })),
    "taken: 2 requests, 25 bytes, 0 jobs",
  );
});

Deno.test("jobs at once are counted up to their bound, until they are released", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: HOUR_MS, jobsMax: 2 };
  const [first, second] = [use(), use()];
  assert.equal(await take(quotas, quota, first), "taken: 1 requests, 10 bytes, 1 jobs");
  assert.equal(await take(quotas, quota, second), "taken: 2 requests, 20 bytes, 2 jobs");
  assert.equal(await take(quotas, quota), "jobs: 2 requests, 20 bytes, 2 jobs");
  await quotas.release("ada", first.id);
  await quotas.release("ada", first.id);
  assert.equal(await take(quotas, quota), "taken: 3 requests, 30 bytes, 2 jobs");
  assert.equal(await take(quotas, quota), "jobs: 3 requests, 30 bytes, 2 jobs");
});

Deno.test("a job that was counted on one shard and comes to another is released there", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: HOUR_MS, jobsMax: 1 };
  const job = use();
  await take(quotas, quota, job);
  await quotas.release("ada", movedTo(job.id, 1));
  assert.match(await take(quotas, quota), /^taken/);
});

Deno.test("a job that nobody releases counts until its time is over", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: HOUR_MS, jobsMax: 1 };
  assert.match(await take(quotas, quota, use({ timeoutMs: 30 })), /^taken/);
  while ((await take(quotas, quota)).startsWith("jobs")) await redis.client.ping();
  assert.equal(await redis.client.zcard(ADA.jobs()), 1);
});

Deno.test("a window begins with its first request and ends by itself", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: 100, requestsMax: 1 };
  assert.match(await take(quotas, quota), /^taken/);
  while (await redis.client.exists(ADA.used()) === 1) await redis.client.ping();
  assert.equal(await take(quotas, quota), "taken: 1 requests, 10 bytes, 0 jobs");
});

Deno.test("the time to the end of the window is told, and no request puts it off", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: HOUR_MS, requestsMax: 3 };
  const first = await quotas.take("ada", quota, use());
  assert.equal(first.state.resetMs, HOUR_MS);
  await redis.client.pexpire(ADA.used(), 5_000);
  for (const refused of [undefined, undefined, "requests"]) {
    const taken = await quotas.take("ada", quota, use());
    assert.equal(taken.refused, refused);
    assert(taken.state.resetMs > 0 && taken.state.resetMs <= 5_000);
  }
});

Deno.test("a window that was made shorter ends with the shorter one", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  await quotas.take("ada", { windowMs: HOUR_MS, requestsMax: 9 }, use());
  const taken = await quotas.take("ada", { windowMs: 60_000, requestsMax: 9 }, use());
  assert.equal(taken.state.resetMs, 60_000);
  const [window] = await lifetimes(redis);
  assert(window! <= 60_000);
});

Deno.test("nothing of a quota stays for ever", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: HOUR_MS, jobsMax: 9 };
  for (const timeoutMs of [20_000, 50_000, 1_000]) {
    await quotas.take("ada", quota, use({ timeoutMs }));
  }
  const [window, jobs] = await lifetimes(redis);
  assert(window! > 0 && window! <= HOUR_MS);
  assert(jobs! > 40_000 && jobs! <= 50_000);
});

Deno.test("each key has a quota of its own", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: HOUR_MS, requestsMax: 1, jobsMax: 1 };
  assert.equal((await quotas.take("ada", quota, use())).refused, undefined);
  assert.equal((await quotas.take("bob", quota, use())).refused, undefined);
  assert.equal((await quotas.take("ada", quota, use())).refused, "requests");
});

Deno.test("many at once take exactly what there is", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: HOUR_MS, requestsMax: 40, jobsMax: 30 };
  const taken = await Promise.all(
    Array.from({ length: 100 }, () => quotas.take("ada", quota, use())),
  );
  assert.equal(taken.filter(({ refused }) => refused === undefined).length, 30);
  assert.equal(taken.filter(({ refused }) => refused === "jobs").length, 70);
});

Deno.test("a quota is one command a job", async () => {
  await using redis = await testRedis();
  const quotas = new RedisQuotas(redis.shard);
  const quota = { windowMs: HOUR_MS, requestsMax: 40 };
  await quotas.take("ada", quota, use());
  const before = await commandCalls(redis.client);
  await quotas.take("ada", quota, use());
  const after = await commandCalls(redis.client);
  assert.equal(after.get("evalsha")! - before.get("evalsha")!, 1);
  assert.equal(after.get("eval"), before.get("eval"));
});
