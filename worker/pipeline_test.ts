import assert from "node:assert/strict";
import { systemClock } from "../shared/clock.ts";
import { parseConfig } from "../shared/config.ts";
import type { JobId, JobRecord } from "../shared/job.ts";
import {
  assertDrained,
  type Broker,
  keys,
  MODEL,
  openBroker,
  submit,
} from "../shared/testing/broker.ts";
import { keptLog } from "../shared/testing/kept_log.ts";
import { Tracing } from "../shared/tracing.ts";
import type { Engine } from "./engines/engine.ts";
import { openNull } from "./engines/null.ts";
import { WorkerMetrics } from "./metrics.ts";
import { ModelConfigSchema } from "./models/config.ts";
import { runPipeline } from "./pipeline.ts";
import { ServedModel } from "./served_model.ts";
import { tableOf } from "./testing/jobs.ts";

interface Running {
  readonly drain: AbortController;
  readonly giveUp: AbortController;
  readonly ended: Promise<void>;
}

/** Starts a worker's loops over an engine: the null one unless given, which takes its time. */
async function start(
  { redis, source }: Broker,
  delayMs = 0,
  engine = openNull({ delayMs, clock: systemClock }),
): Promise<Running> {
  const read = parseConfig({ WEIR_BATCH_MAX: "4", WEIR_ATTEMPTS_MAX: "3" });
  assert(read.ok);
  const files = {
    name: MODEL,
    version: "1",
    format: "layers",
    folder: "",
    entry: "",
    config: ModelConfigSchema.parse({ input: { width: 1, height: 1 } }),
    labels: [],
  } as const;
  const served = new ServedModel(files, await engine.load(files), engine);
  const drain = new AbortController();
  const giveUp = new AbortController();
  const ended = runPipeline(
    {
      config: read.config,
      redis: redis.settings,
      name: "w1",
      sources: [source],
      models: tableOf(served),
      tracing: new Tracing(systemClock),
      metrics: new WorkerMetrics(),
      clock: systemClock,
      log: keptLog(),
    },
    drain.signal,
    giveUp.signal,
  );
  return { drain, giveUp, ended };
}

Deno.test("a worker's loops answer all jobs, each once, and leave nothing behind", async () => {
  await using broker = await openBroker();
  const ids = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      submit(broker, {
        images: Array.from({ length: 1 + i % 3 }, () => ({ bytes: new Uint8Array(9) })),
      })),
  );
  const { drain, ended } = await start(broker);
  const waiting = new Set(ids);
  const stop = new AbortController();
  for await (const item of broker.feed.items(stop.signal)) {
    if (item.kind !== "event") continue;
    assert(waiting.delete(item.event.id), "a job was answered twice");
    if (waiting.size === 0) stop.abort();
  }
  drain.abort();
  await ended;
  for (const record of await recordsOf(broker, ids)) {
    assert.equal(record?.state, "succeeded");
    assert.equal(record.attempts, 1);
    assert.equal(record.results?.length, record.images.total);
  }
  await assertDrained(broker);
});

function recordsOf({ queue }: Broker, ids: readonly JobId[]): Promise<(JobRecord | undefined)[]> {
  return Promise.all(ids.map((id) => queue.get(id)));
}

Deno.test("a worker that drains finishes what it has begun, and leaves nothing behind", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  const { drain, ended } = await start(broker, 20);
  while ((await broker.queue.get(id))?.state !== "running");
  drain.abort();
  await ended;
  assert.equal((await broker.queue.get(id))?.state, "succeeded");
  await assertDrained(broker);
});

/** The null engine, but with runs that do not end: none of a real engine can be stopped. */
function stuckEngine(): Engine {
  const engine = openNull({ delayMs: 0, clock: systemClock });
  const predict = () => new Promise<never>(() => {});
  return { ...engine, load: async (files) => ({ ...await engine.load(files), predict }) };
}

for (
  const [what, engine] of [
    ["a run that can be stopped", undefined],
    ["a run that cannot be stopped", stuckEngine()],
  ] as const
) {
  Deno.test(`a worker that is given up in ${what} hands back what it has begun`, async () => {
    await using broker = await openBroker();
    const ids = await Promise.all(Array.from({ length: 6 }, () => submit(broker)));
    const { drain, giveUp, ended } = await start(broker, 3_600_000, engine);
    while ((await recordsOf(broker, ids)).some((record) => record?.state !== "running"));
    drain.abort();
    giveUp.abort();
    await ended;
    for (const record of await recordsOf(broker, ids)) {
      assert.deepEqual([record?.state, record?.attempts], ["queued", 0]);
    }
    const { client } = broker.redis;
    const [pending] = await client.xpending(keys.jobs(MODEL, 0), "workers") as [number];
    assert.deepEqual([pending, await client.xlen(keys.jobs(MODEL, 0))], [0, ids.length]);
  });
}
