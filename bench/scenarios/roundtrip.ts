/**
 * What the way through the queue costs, without any model: Weir, BullMQ, the polling design, and
 * Redis Streams with nothing around them.
 *
 * @module
 */
import { TemporaryFolder } from "../../shared/temporary_folder.ts";
import { installNode, predictLoad, putLoad } from "../load.ts";
import { median, quantile, shares, spread } from "../numbers.ts";
import { BULLMQ_CONCURRENCY, startBullMq, startPolling, startStreams } from "../peers.ts";
import { drawPhoto } from "../photo.ts";
import { BenchRedis, type Persistence } from "../redis.ts";
import type { Cell, Figure, Plot, Scenario, Stage, Table } from "../scenario.ts";
import { spending, startWeir, type System } from "../system.ts";

/** What one system did with one number of connections, in one round. */
interface Run {
  readonly persistence: Persistence;
  readonly system: string;
  readonly connections: number;
  readonly perSecond: number;
  readonly latencies: readonly number[];
  readonly commands: number;
  readonly redisCpuMs: number;
  readonly ownCpuMs: number | undefined;
  readonly loadCpuMs: number;
}

const PERSISTENCES: readonly Persistence[] = ["none", "everysec"];
const CONNECTIONS = [1, 16, 64, 256];
const SECONDS = 4;
/** Where the figures are taken: the persistence that `start` uses. */
const [PROMISED, MANY] = ["everysec", 64] as const;
/** Jobs that are watched one by one, to tell what clients send from what scripts do. */
const WATCHED_SECONDS = 0.3;

export const roundtrip: Scenario = async (stage) => {
  await installNode(stage);
  const runs: Run[] = [];
  let sent = 0;
  const persistences = stage.quick ? [PROMISED] : PERSISTENCES;
  for (const [i, persistence] of persistences.entries()) {
    const progress: Stage["progress"] = (done, what) =>
      stage.progress((i + done) / persistences.length, what);
    sent = await measure({ ...stage, progress }, persistence, runs);
  }
  return {
    method: `A photo of 80 kB is posted and answered without a model. All systems share one ` +
      `Redis; in each of ${roundsOf(stage)} rounds each is measured in turn for ${SECONDS} s, ` +
      `after a warm-up; figures are medians of the rounds. BullMQ's worker has ` +
      `${BULLMQ_CONCURRENCY} jobs under way, its last thousand finished jobs are kept. "streams ` +
      `alone" is an XADD, an XREADGROUP, an XADD and an XREAD without any guarantee: how far ` +
      `this runtime, client library and Redis go at all.`,
    tables: persistences.map((persistence) => tableOf(persistence, runs)),
    plots: plotsOf(runs),
    figures: figuresOf(runs, sent),
  };
};

function roundsOf({ quick, rounds }: Stage): number {
  return quick ? 1 : rounds;
}

/** Measures all systems on one Redis; gives the commands that Weir's processes send for a job. */
async function measure(stage: Stage, persistence: Persistence, runs: Run[]): Promise<number> {
  await using redis = await BenchRedis.start(stage.redisServer, persistence);
  await using folder = await TemporaryFolder.make("weir-bench-");
  const file = await drawPhoto(folder.path);
  await using weir = await startWeir(stage, redis, { env: { WEIR_ENGINE: "null" } });
  await using bullmq = await startBullMq(stage, redis);
  await using polling = await startPolling(stage, redis);
  await using streams = await startStreams(stage, redis);
  const systems = [weir, bullmq, polling, streams];
  const points = stage.quick ? [1, MANY] : CONNECTIONS;
  const steps = points.length * roundsOf(stage) * systems.length;
  let step = 0;
  for (let round = 0; round < roundsOf(stage); round++) {
    for (const connections of points) {
      for (const system of systems) {
        stage.progress(step++ / steps, `${persistence}: ${system.name}, ${connections} at once`);
        const run = { system, connections, file, seconds: stage.quick ? 0.5 : SECONDS };
        runs.push({ persistence, ...await measureOnce(stage, redis, run) });
      }
    }
  }
  // Redis tells the watcher every byte of a command: a small photo keeps it from that.
  const small = await drawPhoto(folder.path, { width: 8, height: 8 });
  let answers = 0;
  const sent = await redis.sentDuring(async () => {
    const load = predictLoad(weir, { connections: MANY, file: small, seconds: WATCHED_SECONDS });
    const { latencies } = await putLoad(stage, load, stage.signal);
    // The load's warm-up is watched, too.
    answers = latencies.length + 2 * MANY;
  });
  return sent / answers;
}

async function measureOnce(
  stage: Stage,
  redis: BenchRedis,
  run: { system: System; connections: number; file: string; seconds: number },
): Promise<Omit<Run, "persistence">> {
  const { system, connections } = run;
  const load = predictLoad(system, run);
  await putLoad(stage, { ...load, seconds: run.seconds / 8 }, stage.signal);
  const { result, spent } = await spending(
    redis,
    system,
    () => putLoad(stage, load, stage.signal),
  );
  const { latencies, seconds, cpuSeconds } = result;
  const all = latencies.length + Math.max(load.warmUp, 2 * connections);
  return {
    system: system.name,
    connections,
    perSecond: latencies.length / seconds,
    latencies,
    commands: spent.commands / all,
    redisCpuMs: 1000 * spent.redisCpuSeconds / all,
    ownCpuMs: spent.cpuSeconds && 1000 * spent.cpuSeconds / all,
    loadCpuMs: 1000 * cpuSeconds / latencies.length,
  };
}

function tableOf(persistence: Persistence, runs: readonly Run[]): Table {
  const rows: Cell[][] = [];
  const own = runs.filter((run) => run.persistence === persistence);
  for (const connections of new Set(own.map((run) => run.connections))) {
    for (const system of new Set(own.map((run) => run.system))) {
      const all = own.filter((run) => run.connections === connections && run.system === system);
      const of = (value: (run: Run) => number) => median(all.map(value));
      rows.push([
        system,
        connections,
        of((run) => run.perSecond),
        `± ${Math.round(100 * spread(all.map((run) => run.perSecond)))} %`,
        of((run) => quantile(run.latencies, 0.5)),
        of((run) => quantile(run.latencies, 0.99)),
        of((run) => run.commands),
        of((run) => run.redisCpuMs),
        all[0]!.ownCpuMs === undefined ? undefined : of((run) => run.ownCpuMs!),
        of((run) => run.loadCpuMs),
      ]);
    }
  }
  const title = persistence === "none" ? "Redis in memory alone" : "Redis with AOF, everysec";
  const costs = ["Redis ms/job", "own CPU ms/job", "load ms/job"];
  const columns = ["system", "at once", "jobs/s", "spread", "p50 ms", "p99 ms", "commands/job"];
  return { title, columns: [...columns, ...costs], rows };
}

function plotsOf(runs: readonly Run[]): Plot[] {
  const own = runs.filter(({ persistence }) => persistence === PROMISED);
  const systems = [...Map.groupBy(own, ({ system }) => system)];
  return [
    {
      title: "Throughput against requests at once (AOF, everysec)",
      x: "requests at once",
      y: "jobs a second",
      logarithmic: true,
      series: systems.map(([name, all]) => ({
        name,
        points: [...Map.groupBy(all, ({ connections }) => connections)].map(([n, some]) =>
          [n, median(some.map(({ perSecond }) => perSecond))] as const
        ),
      })),
    },
    {
      title: "Redis commands a job, those inside scripts counted",
      x: "requests at once",
      y: "commands a job",
      logarithmic: true,
      series: systems.map(([name, all]) => ({
        name,
        points: [...Map.groupBy(all, ({ connections }) => connections)].map(([n, some]) =>
          [n, median(some.map(({ commands }) => commands))] as const
        ),
      })),
    },
    {
      title: `Latency of ${MANY} at once: share of requests that are answered within`,
      x: "ms",
      y: "% of requests",
      series: systems.map(([name, all]) => {
        const latencies = all.filter(({ connections }) => connections === MANY)
          .flatMap((run) => run.latencies);
        return { name, points: shares(latencies) };
      }),
    },
  ];
}

function figuresOf(runs: readonly Run[], sent: number): Figure[] {
  const of = (system: string, connections: number, value: (run: Run) => number) =>
    median(
      runs.filter((run) =>
        run.persistence === PROMISED && run.system === system && run.connections === connections
      ).map(value),
    );
  const ratio = (system: string, connections: number, value: (run: Run) => number) =>
    of(system, connections, value) / of("bullmq", connections, value);
  const perSecond = (run: Run) => run.perSecond;
  const p50 = (run: Run) => quantile(run.latencies, 0.5);
  return [
    {
      name: "throughput against BullMQ, 64 at once",
      value: ratio("weir", MANY, perSecond),
      goal: { atLeast: 4 },
      unit: "×",
    },
    {
      name: "throughput of streams alone against BullMQ, 64 at once",
      value: ratio("streams alone", MANY, perSecond),
      unit: "×",
    },
    {
      name: "p50 against BullMQ, one at a time",
      value: ratio("weir", 1, p50),
      goal: { atMost: 0.3 },
      unit: "×",
    },
    {
      name: "p50 of streams alone against BullMQ, one at a time",
      value: ratio("streams alone", 1, p50),
      unit: "×",
    },
    {
      name: "Redis commands a job, those in scripts counted",
      value: of("weir", MANY, (run) => run.commands),
      goal: { atMost: 20 },
      unit: "commands",
    },
    {
      name: "Redis commands a job that clients send",
      value: sent,
      goal: { atMost: 4 },
      unit: "commands",
    },
  ];
}
