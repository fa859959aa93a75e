/**
 * A large model behind Weir and behind the polling design, on the same engine.
 *
 * @module
 */
import { join } from "node:path";
import { TemporaryFolder } from "../../shared/temporary_folder.ts";
import { BareLoop } from "../bare/bare_loop.ts";
import { installNode, predictLoad, putLoad } from "../load.ts";
import { openModels } from "../models.ts";
import { median, spread } from "../numbers.ts";
import { startPollingModel } from "../peers.ts";
import { BenchRedis } from "../redis.ts";
import type { Cell, Figure, Scenario, Stage, Table } from "../scenario.ts";
import { startWeir, type System } from "../system.ts";

const ENGINE = "onnx";
const MANY = 64;
const SECONDS = 5;
const BATCH = 32;

/** What one system did in one round. */
interface Run {
  readonly system: string;
  readonly perSecond: number;
  readonly p50: number;
}

/** Milliseconds of an image in the bare model, at the two sizes of a batch. */
interface Inference {
  readonly one: number;
  readonly many: number;
}

export const resnet50: Scenario = async (stage) => {
  await installNode(stage);
  await using folder = await TemporaryFolder.make("weir-bench-");
  stage.progress(0, "making the model");
  const { photo, repositories } = await openModels(stage, folder.path);
  const repository = stage.quick ? repositories[ENGINE] : join(folder.path, "resnet50");
  if (!stage.quick) {
    const { writeResnet50 } = await import("../../fixtures/training/resnet50.ts");
    await writeResnet50(repository);
  }
  const inference = await inferenceOf(stage, repository, photo);
  const runs = await measure(stage, repository, photo);
  return {
    method: `ResNet50 with random weights by engine ${ENGINE}, ${MANY} at once. The polling ` +
      "design as its usual example has it: the gateway decodes a photo, queues its numbers as " +
      "base64 in JSON and asks for the answer every 250 ms; the worker takes one image a batch " +
      "and sleeps 250 ms after each, or, kinder, only where the list is empty. By turns, " +
      `${SECONDS} s each, ${roundsOf(stage)} times. "Of the time" is what the bare model alone ` +
      "takes for as many images, in batches of that size.",
    tables: [tableOf(runs, inference)],
    plots: [],
    figures: figuresOf(runs),
  };
};

function roundsOf({ quick, rounds }: Stage): number {
  return quick ? 1 : rounds;
}

/** The model alone. */
async function inferenceOf(stage: Stage, repository: string, photo: string): Promise<Inference> {
  await using bare = await BareLoop.start(stage, { engine: ENGINE, repository, photo });
  const seconds = stage.quick ? 0.5 : SECONDS;
  const of = async (images: number) => {
    const run = await bare.run({ images, seconds, ahead: false });
    return median(run.modelMs) / images;
  };
  return { one: await of(1), many: await of(BATCH) };
}

async function measure(stage: Stage, repository: string, file: string): Promise<Run[]> {
  await using redis = await BenchRedis.start(stage.redisServer, "everysec");
  const env = { WEIR_ENGINE: ENGINE, WEIR_MODELS: repository, WEIR_BATCH_MAX: String(BATCH) };
  const starts: readonly (() => Promise<System>)[] = [
    () => startWeir(stage, redis, { env }),
    ...(["always", "idle"] as const).map((sleeps) => () =>
      startPollingModel(stage, redis, { repository, engine: ENGINE, sleeps })
    ),
  ];
  const runs: Run[] = [];
  for (let round = 0; round < roundsOf(stage); round++) {
    for (const [i, start] of starts.entries()) {
      // One at a time: a worker that waits would share the list, and its memory the caches.
      await using system = await start();
      stage.progress((round + i / starts.length) / roundsOf(stage), system.name);
      const seconds = stage.quick ? 0.5 : SECONDS;
      const connections = stage.quick ? 4 : MANY;
      // The polling design does three images a second.
      const slow = system.name === "weir" ? {} : { requests: connections };
      const load = predictLoad(system, { file, connections, seconds, ...slow });
      const { latencies, seconds: took } = await putLoad(stage, load, stage.signal);
      runs.push({
        system: system.name,
        perSecond: latencies.length / took,
        p50: median(latencies),
      });
    }
  }
  return runs;
}

function tableOf(runs: readonly Run[], { one, many }: Inference): Table {
  const rows: Cell[][] = [...Map.groupBy(runs, ({ system }) => system)].map(([system, own]) => {
    const rates = own.map(({ perSecond }) => perSecond);
    const inferMs = system === "weir" ? many : one;
    return [
      system,
      median(rates),
      `± ${Math.round(100 * spread(rates))} %`,
      median(own.map(({ p50 }) => p50)),
      inferMs,
      `${Math.round(median(rates) * inferMs / 10)} %`,
    ];
  });
  const columns = ["system", "requests/s", "spread", "p50 ms", "model ms/image", "of the time"];
  return { title: `${MANY} at once`, columns, rows };
}

function figuresOf(runs: readonly Run[]): Figure[] {
  const rates = [...Map.groupBy(runs, ({ system }) => system).values()]
    .map((own) => median(own.map(({ perSecond }) => perSecond)));
  const [weir, polling] = rates;
  return [{
    name: `requests a second against the polling design, one image a batch, ${MANY} at once`,
    value: weir! / polling!,
    goal: { atLeast: 3 },
    unit: "×",
  }];
}
