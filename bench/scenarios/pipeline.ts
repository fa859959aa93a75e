/**
 * Whether the model is kept busy: one worker behind HTTP, and the same decoder and model in a bare
 * loop, on the same cores.
 *
 * @module
 */
import { BareLoop, type BareLoopOptions } from "../bare/bare_loop.ts";
import { TemporaryFolder } from "../../shared/temporary_folder.ts";
import { BenchError, installNode, predictLoad, putLoad } from "../load.ts";
import { openModels } from "../models.ts";
import { median, spread } from "../numbers.ts";
import { BenchRedis } from "../redis.ts";
import type { Cell, Figure, Scenario, Stage, Table } from "../scenario.ts";
import { spending, startWeir } from "../system.ts";

const ENGINES = ["tensorflow", "onnx", "wasm"] as const;
type EngineName = typeof ENGINES[number];

/** Engines for which figures are promised: the third is there for machines without the others. */
const PROMISED: readonly EngineName[] = ["tensorflow", "onnx"];

const MANY = 64;
/** The worker's own bound. */
const BATCH = 32;
const SECONDS = 3;

/** One look at both, directly after one another. */
interface Pair {
  readonly engine: EngineName;
  readonly weirPerSecond: number;
  readonly barePerSecond: number;
  readonly weirP50: number;
  readonly bareP50: number;
  /** Processor time of an image: of Weir's processes, of Redis, of the load, of the bare loop. */
  readonly cpuMs: readonly [weir: number, redis: number, load: number, bare: number];
}

export const pipeline: Scenario = async (stage) => {
  await installNode(stage);
  await using folder = await TemporaryFolder.make("weir-bench-");
  const models = await openModels(stage, folder.path);
  const pairs: Pair[] = [];
  const left: string[] = [];
  const engines = stage.quick ? ENGINES.slice(1, 2) : ENGINES;
  for (const [i, engine] of engines.entries()) {
    const progress: Stage["progress"] = (done, what) =>
      stage.progress((i + done) / engines.length, `${engine}: ${what}`);
    progress(0, "loading the model");
    const options = { engine, repository: models.repositories[engine], photo: models.photo };
    const bare = await BareLoop.start(stage, options).catch((error) => {
      if (!(error instanceof BenchError)) throw error;
      left.push(`${engine} is left out: ${error.message}.`);
    });
    if (bare === undefined) continue;
    await using _ = bare;
    pairs.push(...await measure({ ...stage, progress }, bare, options));
  }
  return {
    method: `One gateway and one worker against a loop that only decodes and runs the model, the ` +
      `next batch of ${BATCH} decoded beside the one that runs; by turns, ${SECONDS} s each, ` +
      `${roundsOf(stage)} times after a warm-up, medians of the pairs. ${models.description}. ` +
      ["Gateway, worker, Redis (AOF, everysec) and load share the cores.", ...left].join(" "),
    tables: [tableOf(pairs)],
    plots: [],
    figures: figuresOf(pairs),
  };
};

function roundsOf({ quick, rounds }: Stage): number {
  return quick ? 1 : rounds;
}

async function measure(
  stage: Stage,
  bare: BareLoop,
  { engine, repository, photo }: BareLoopOptions & { readonly engine: EngineName },
): Promise<Pair[]> {
  await using redis = await BenchRedis.start(stage.redisServer, "everysec");
  const env = { WEIR_ENGINE: engine, WEIR_MODELS: repository, WEIR_BATCH_MAX: String(BATCH) };
  await using weir = await startWeir(stage, redis, { env });
  const seconds = stage.quick ? 0.5 : SECONDS;
  const put = (connections: number, seconds: number) => {
    const load = predictLoad(weir, { file: photo, connections, seconds });
    return putLoad(stage, load, stage.signal);
  };
  await put(MANY, seconds / 8);
  const pairs: Pair[] = [];
  for (let round = 0; round < roundsOf(stage); round++) {
    stage.progress((round + 0.5) / (roundsOf(stage) + 0.5), `${MANY} at once, then one`);
    const { result: many, spent } = await spending(redis, weir, () => put(MANY, seconds));
    const bareMany = await bare.run({ images: BATCH, seconds, ahead: true });
    const one = await put(1, seconds);
    const bareOne = await bare.run({ images: 1, seconds, ahead: false });
    const all = many.latencies.length + 2 * MANY;
    pairs.push({
      engine,
      weirPerSecond: many.latencies.length / many.seconds,
      barePerSecond: 1000 * bareMany.images / bareMany.ms,
      weirP50: median(one.latencies),
      bareP50: median(bareOne.batchMs),
      cpuMs: [
        1000 * (spent.cpuSeconds ?? NaN) / all,
        1000 * spent.redisCpuSeconds / all,
        1000 * many.cpuSeconds / many.latencies.length,
        bareMany.cpuMs / bareMany.images,
      ],
    });
  }
  return pairs;
}

function tableOf(pairs: readonly Pair[]): Table {
  const rows: Cell[][] = [];
  for (const [engine, own] of Map.groupBy(pairs, (pair) => pair.engine)) {
    const of = (value: (pair: Pair) => number) => median(own.map(value));
    const ratios = own.map(shareOf);
    rows.push([
      engine,
      of((pair) => pair.weirPerSecond),
      of((pair) => pair.barePerSecond),
      median(ratios),
      `± ${Math.round(100 * spread(ratios))} %`,
      of((pair) => pair.weirP50),
      of((pair) => pair.bareP50),
      ...[0, 1, 2, 3].map((i) => of((pair) => pair.cpuMs[i]!)),
    ]);
  }
  const many = ["weir, images/s", "bare loop, images/s", "share", "spread"];
  const one = ["one: weir p50 ms", "bare loop p50 ms"];
  const cpu = ["CPU ms/image: weir", "Redis", "load", "bare loop"];
  return { title: `${MANY} at once, and one`, columns: ["engine", ...many, ...one, ...cpu], rows };
}

function shareOf({ weirPerSecond, barePerSecond }: Pair): number {
  return weirPerSecond / barePerSecond;
}

function figuresOf(pairs: readonly Pair[]): Figure[] {
  return PROMISED.flatMap((engine): Figure[] => {
    const own = pairs.filter((pair) => pair.engine === engine);
    if (own.length === 0) return [];
    return [
      {
        name: `${engine}: images a second against the bare loop, ${MANY} at once`,
        value: median(own.map(shareOf)),
        goal: { atLeast: 0.9 },
        unit: "×",
      },
      {
        name: `${engine}: what p50 is above the bare loop, one at a time`,
        value: median(own.map(({ weirP50, bareP50 }) => weirP50 - bareP50)),
        goal: { atMost: 3 },
        unit: "ms",
      },
    ];
  });
}
