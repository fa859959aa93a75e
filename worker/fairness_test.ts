/** How long a flood of one API key keeps another key waiting, on a real Redis. */
import assert from "node:assert/strict";
import { systemClock } from "../shared/clock.ts";
import { parseConfig } from "../shared/config.ts";
import type { JobId } from "../shared/job.ts";
import { GROUP, laneOf } from "../shared/redis/keys.ts";
import { type Broker, keys, MODEL, openBroker, submit } from "../shared/testing/broker.ts";
import { keptLog } from "../shared/testing/kept_log.ts";
import { Tracing } from "../shared/tracing.ts";
import type { Engine } from "./engines/engine.ts";
import { WorkerMetrics } from "./metrics.ts";
import { ModelConfigSchema } from "./models/config.ts";
import { runPipeline } from "./pipeline.ts";
import { ServedModel } from "./served_model.ts";
import { tableOf } from "./testing/jobs.ts";

const BATCH_MAX = 8;
/** Twenty batches. */
const FLOOD_IMAGES = 20 * BATCH_MAX;

/** Two keys with a lane each. */
const [FLOOD, QUIET] = ["flood", "quiet"];
assert.notEqual(laneOf(FLOOD), laneOf(QUIET));

/** A worker whose batches end when they are told to. */
class HeldWorker implements AsyncDisposable {
  readonly #broker: Broker;
  readonly #drain = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #free = false;
  #started = Promise.withResolvers<PromiseWithResolvers<void>>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  async start(): Promise<void> {
    const engine: Engine = {
      name: "null",
      description: "waits to be told",
      load: () =>
        Promise.resolve({
          outputShape: [0],
          layout: "interleaved",
          predict: async () => {
            const batch = Promise.withResolvers<void>();
            this.#started.resolve(batch);
            if (!this.#free) await batch.promise;
            return new Float32Array();
          },
          dispose: () => {},
        }),
      tensors: () => undefined,
    };
    const read = parseConfig({ WEIR_BATCH_MAX: String(BATCH_MAX) });
    assert(read.ok);
    const config = ModelConfigSchema.parse({ input: { width: 1, height: 1 } });
    const files = { name: MODEL, version: "1", folder: "", entry: "", config, labels: [] };
    const layers = { ...files, format: "layers" } as const;
    const { redis: { settings: redis }, source } = this.#broker;
    this.#ended = runPipeline(
      {
        ...{ config: read.config, redis, name: "w1", sources: [source], engine },
        models: tableOf(new ServedModel(layers, await engine.load(layers), engine)),
        tracing: new Tracing(systemClock),
        metrics: new WorkerMetrics(),
        clock: systemClock,
        log: keptLog(),
      },
      this.#drain.signal,
      new AbortController().signal,
    );
  }

  /** Waits until a batch runs; ends it, and waits until the next one runs. */
  async step(): Promise<void> {
    const batch = await this.#started.promise;
    this.#started = Promise.withResolvers();
    batch.resolve();
    await this.#started.promise;
  }

  /** Waits until a batch runs. */
  async running(): Promise<void> {
    await this.#started.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#free = true;
    (await this.#started.promise).resolve();
    this.#drain.abort();
    await this.#ended;
  }
}

/** Waits until the worker has read so many jobs of a lane that are not done. */
async function untilRead(
  { redis: { client } }: Broker,
  owner: string,
  jobs: number,
): Promise<void> {
  const stream = keys.jobs(MODEL, laneOf(owner));
  while (((await client.xpending(stream, GROUP)) as [number])[0] < jobs);
}

/**
 * Has one key flood a worker with jobs of so many images, and another submit one job when the
 * worker has as much as it holds.
 *
 * @returns images of the flood that run or leave with or before the other's job, from its submit on
 */
async function imagesBefore(quiet: string, imagesPerJob: number): Promise<number> {
  await using broker = await openBroker({ jobsMax: 1000 });
  const flood: JobId[] = [];
  const images = Array.from({ length: imagesPerJob }, () => ({ bytes: new Uint8Array(9) }));
  const submitFlood = async (count: number) => {
    for (let i = 0; i < count; i += imagesPerJob) {
      flood.push(await submit(broker, { owner: FLOOD, images }));
    }
  };
  await submitFlood(FLOOD_IMAGES);
  await using worker = new HeldWorker(broker);
  await worker.start();
  await worker.running();
  await untilRead(broker, FLOOD, Math.floor(2 * BATCH_MAX / imagesPerJob));
  const id = await submit(broker, { owner: quiet });
  if (quiet !== FLOOD) await untilRead(broker, quiet, 1);
  // There is always a next batch.
  await submitFlood(3 * BATCH_MAX);
  const stateOf = async (id: JobId) => (await broker.queue.get(id))?.state;
  for (let steps = 0; await stateOf(id) !== "succeeded"; steps++) await worker.step();
  const states = await Promise.all(flood.map(stateOf));
  return states.filter((state) => state === "succeeded").length * imagesPerJob;
}

for (const imagesPerJob of [1, 4, BATCH_MAX]) {
  Deno.test(`a flood of jobs of ${imagesPerJob} images keeps another lane's job waiting for two batches at most`, async () => {
    const images = await imagesBefore(QUIET, imagesPerJob);
    assert(images <= 2 * BATCH_MAX, `${images} images`);
  });
}

Deno.test("in one lane with a flood, a job waits for all that came before it", async () => {
  assert(await imagesBefore(FLOOD, 1) >= FLOOD_IMAGES - 3 * BATCH_MAX);
});
