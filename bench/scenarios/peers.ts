/**
 * Weir beside mosec, with the same network in the same library on the same photo. Optional: it
 * needs `python3` and, once, PyPI.
 *
 * @module
 */
import { join } from "node:path";
import { TemporaryFolder } from "../../shared/temporary_folder.ts";
import { pythonWith } from "../../setup/python.ts";
import { openRepository } from "../../worker/models/repository.ts";
import { installNode, predictLoad, putLoad } from "../load.ts";
import { openModels } from "../models.ts";
import { median, spread } from "../numbers.ts";
import { startMosec } from "../peers.ts";
import { BenchRedis } from "../redis.ts";
import type { Cell, Figure, Scenario, Stage, Table } from "../scenario.ts";
import { startWeir } from "../system.ts";

const MANY = 64;
const POINTS = [1, 16, MANY];
const SECONDS = 4;

interface Run {
  readonly system: string;
  readonly connections: number;
  readonly perSecond: number;
  readonly p50: number;
}

export const peers: Scenario = async (stage) => {
  const { root, env, signal } = stage;
  stage.progress(0, "installing mosec");
  const requirements = join(root, "bench", "mosec", "requirements.txt");
  const python = await pythonWith(requirements, { root, env, signal });
  if (!python.ok) {
    const method = `Left out: mosec cannot be had here, ${python.reason}.`;
    return { method, tables: [], plots: [], figures: [] };
  }
  await installNode(stage);
  await using folder = await TemporaryFolder.make("weir-bench-");
  const { photo, repositories: { onnx }, description } = await openModels(stage, folder.path);
  const model = (await openRepository(onnx)).find(({ config }) => config.default)!;
  await using redis = await BenchRedis.start(stage.redisServer, "everysec");
  await using weir = await startWeir(stage, redis, {
    env: { WEIR_ENGINE: "onnx", WEIR_MODELS: onnx },
  });
  const { entry, config: { input } } = model;
  await using mosec = await startMosec(stage, { python, model: entry, side: input.width });
  const runs: Run[] = [];
  const systems = [weir, mosec];
  const steps = roundsOf(stage) * POINTS.length * systems.length;
  for (let round = 0; round < roundsOf(stage); round++) {
    for (const connections of POINTS) {
      for (const system of systems) {
        stage.progress(runs.length / steps, `${system.name}, ${connections} at once`);
        const seconds = stage.quick ? 0.5 : SECONDS;
        const load = predictLoad(system, { file: photo, connections, seconds });
        const { latencies, seconds: took } = await putLoad(stage, load, signal);
        const perSecond = latencies.length / took;
        runs.push({ system: system.name, connections, perSecond, p50: median(latencies) });
      }
    }
  }
  return {
    method: `${description}. ONNX Runtime in both. mosec 0.9 as its users build it: a process a ` +
      "core that decodes with Pillow, then one that runs batches of up to 32; it keeps no job. " +
      `Weir: one gateway, one worker, Redis with AOF, everysec. By turns, ${SECONDS} s each, ` +
      `${roundsOf(stage)} times, after a warm-up.`,
    tables: [tableOf(runs)],
    plots: [],
    figures: figuresOf(runs),
  };
};

function roundsOf({ quick, rounds }: Stage): number {
  return quick ? 1 : rounds;
}

function tableOf(runs: readonly Run[]): Table {
  const rows: Cell[][] = POINTS.flatMap((connections) =>
    ["weir", "mosec"].map((system) => {
      const own = runs.filter((run) => run.system === system && run.connections === connections);
      const rates = own.map(({ perSecond }) => perSecond);
      const spreads = `± ${Math.round(100 * spread(rates))} %`;
      return [system, connections, median(rates), spreads, median(own.map(({ p50 }) => p50))];
    })
  );
  const columns = ["system", "at once", "images/s", "spread", "p50 ms"];
  return { title: "Beside mosec", columns, rows };
}

function figuresOf(runs: readonly Run[]): Figure[] {
  /** The median of the pairs that were measured directly after one another. */
  const ratio = (connections: number, value: (run: Run) => number) => {
    const own = runs.filter((run) => run.connections === connections);
    const [weir, mosec] = ["weir", "mosec"].map((name) => own.filter((run) => run.system === name));
    return median(weir!.map((run, i) => value(run) / value(mosec![i]!)));
  };
  return [
    {
      name: `images a second against mosec, ${MANY} at once`,
      value: ratio(MANY, ({ perSecond }) => perSecond),
      goal: { atLeast: 1.25 },
      unit: "×",
    },
    {
      name: "p50 against mosec, one at a time",
      value: ratio(1, ({ p50 }) => p50),
      goal: { atMost: 0.8 },
      unit: "×",
    },
  ];
}
