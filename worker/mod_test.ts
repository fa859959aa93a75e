import assert from "node:assert/strict";
import { systemClock } from "../shared/clock.ts";
import { parseConfig } from "../shared/config.ts";
import { RedisJobQueue } from "../shared/redis/job_queue.ts";
import { RedisDirectory } from "../shared/redis/registry.ts";
import { keys, newJob, testShards } from "../shared/testing/broker.ts";
import { type KeptLog, keptLog } from "../shared/testing/kept_log.ts";
import { freeze, type TestRedis, testRedis } from "../shared/testing/redis.ts";
import { Tracing } from "../shared/tracing.ts";
import { runWorker } from "./mod.ts";
import { ModelError } from "./models/model_error.ts";
import { writeColourModel } from "./models/testing/colour_model.ts";

const MODEL = "colours";

interface Running {
  readonly log: KeptLog;
  readonly drain: AbortController;
  readonly ended: Promise<void>;
}

/** Runs a worker with the null engine until it is told to drain; resolves once it is ready. */
async function start(
  { settings }: Pick<TestRedis, "settings">,
  repository: string,
  name = "w1",
): Promise<Running> {
  const read = parseConfig({ WEIR_ENGINE: "null", WEIR_MODELS: repository });
  assert(read.ok);
  const drain = new AbortController();
  const kept = keptLog();
  const ready = Promise.withResolvers<void>();
  const log: KeptLog = {
    ...kept,
    info: (message, fields) => {
      kept.info(message, fields);
      if (message === "worker ready") ready.resolve();
    },
  };
  const [clock, tracing] = [systemClock, new Tracing(systemClock)];
  const parts = { config: read.config, redis: settings, name, tracing, clock, log };
  const ended = runWorker(parts, drain.signal, new AbortController().signal);
  await Promise.race([ready.promise, ended]);
  return { log, drain, ended };
}

/** A repository that goes with the test. */
async function tempRepository(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("worker is known while it serves, answers, and leaves nothing of itself", async () => {
  await using redis = await testRedis();
  await using repository = await tempRepository();
  await writeColourModel(repository.path, MODEL, { settings: { default: true } });
  const { client, shard } = redis;
  using shards = await testShards(redis);
  const { drain, ended } = await start(redis, repository.path);
  const [served] = await new RedisDirectory([shard]).models();
  assert.deepEqual([served?.card.name, served?.card.engine, served?.workers], [MODEL, "null", 1]);

  const admission = { jobsMax: 10, bytesMax: 100 };
  const queue = new RedisJobQueue({ shards, gateway: "g1", admission });
  const job = newJob({ model: MODEL });
  await queue.submit(job);
  while ((await queue.get(job.id))?.state !== "succeeded");

  drain.abort();
  await ended;
  assert.equal((await new RedisDirectory([shard]).models())[0]?.workers, 0);
  assert.equal(await client.hlen(keys.workers()), 0);
  assert.deepEqual(await client.xinfo("CONSUMERS", keys.jobs(MODEL, 0), "workers"), []);
});

Deno.test("worker warns of another one that has another default model, while that is alive", async () => {
  await using redis = await testRedis();
  const warnings: unknown[] = [];
  const running: Running[] = [];
  for (const [name, model] of [["w1", "a"], ["w2", "b"], ["w3", "b"]] as const) {
    await using repository = await tempRepository();
    await writeColourModel(repository.path, model, { settings: { default: true } });
    const worker = await start(redis, repository.path, name);
    warnings.push(
      worker.log.lines.filter(({ level }) => level === "warn").map(({ message, fields }) =>
        `${message}: ${fields.models}`
      ),
    );
    running.push(worker);
    if (name !== "w2") continue;
    running[0]!.drain.abort();
    await running[0]!.ended;
  }
  assert.deepEqual(warnings, [[], ["workers disagree about the default model: a,b"], []]);
  for (const { drain } of running) drain.abort();
  await Promise.all(running.map(({ ended }) => ended));
});

Deno.test("worker ends by itself although redis hangs", async () => {
  await using redis = await testRedis();
  await using repository = await tempRepository();
  await writeColourModel(repository.path, MODEL);
  const settings = { ...redis.settings, timeoutMs: 500 };
  const { drain, ended, log } = await start({ settings }, repository.path);
  using _ = await freeze(redis);
  drain.abort();
  await ended;
  assert(log.lines.some(({ message }) => message === "leaving without tidying up"));
});

Deno.test("worker without a model does not start, and says which folder is empty", async () => {
  await using redis = await testRedis();
  await using repository = await tempRepository();
  await assert.rejects(start(redis, repository.path), (error) => {
    assert(error instanceof ModelError);
    assert(error.message.includes(repository.path));
    return true;
  });
  assert.equal(await redis.client.hlen(keys.workers()), 0);
});
