/**
 * A steady load of every kind for some minutes: does anything grow?
 *
 * Looked at are the memory of each process and of Redis, tensors, streams and what is in them,
 * consumers, keys, connections.
 *
 * @module
 */
import { growthOf, type Sample } from "../growth.ts";
import { MixedClients } from "../mixed_clients.ts";
import { median } from "../numbers.ts";
import { BenchRedis } from "../redis.ts";
import { samplePhotos } from "../sample_photos.ts";
import type { Figure, Plot, Scenario, Stage, Table } from "../scenario.ts";
import { startWeir, type System } from "../system.ts";

const WORKERS = 2;
/** Clients that come in a second, and how often all is looked at. */
const PACE = { perSecond: 40, sampleMs: 2000 };
/** So many times as many come in the warm-up: what grows to its bound is to be there after it. */
const WARM_UP_PACE = 2;
const QUICK = { warmUpSeconds: 1, seconds: 2, perSecond: 10, sampleMs: 200 };
/** Most images of a batch. TensorFlow keeps some MiB for each size, and the rare ones come late. */
const BATCH_MAX = 4;
/** Records live for a short time, so that they reach their number soon. */
const ENV = {
  WEIR_BATCH_MAX: String(BATCH_MAX),
  WEIR_RESULT_TTL_MS: "10000",
  WEIR_TIMEOUT_MS: "10000",
  WEIR_LOG_LEVEL: "debug",
};
/** Least change that is one, whatever the noise: a MiB or one thing, and this share of all. */
const [LEAST, LEAST_SHARE] = [1, 0.01];

/** What was looked at, with its values over time. */
interface Series {
  readonly name: string;
  readonly unit: "MiB" | "";
  readonly samples: Sample[];
}

export const soak: Scenario = async (stage) => {
  const { clock, signal } = stage;
  const times = timesOf(stage);
  await using redis = await BenchRedis.start(stage.redisServer, "everysec");
  const tensors: number[] = [];
  const onLine = (line: string) => {
    const alive = / batch done .*tensors=(\d+)/.exec(line)?.[1];
    if (alive !== undefined) tensors.push(Number(alive));
  };
  await using gateway = await startWeir(stage, redis, { workers: 0, env: ENV });
  const roles = { gateways: 0, workers: WORKERS, env: ENV, onLine };
  await using workers = await startWeir(stage, redis, roles);
  const photos = await samplePhotos(stage.root);
  const clients = new MixedClients({ url: gateway.urls[0]!, photos, clock, signal });
  const all = new Map<string, Series>();
  const began = clock.now();
  const secondsSince = () => (clock.now() - began) / 1000;
  const length = times.warmUpSeconds + times.seconds;
  const calls = new Set<Promise<void>>();
  const load = async () => {
    for (let i = 0; secondsSince() < length && !signal.aborted; i++) {
      await clock.sleep(1000 * (dueAt(i, times) - secondsSince()), signal);
      const call = clients.call().finally(() => calls.delete(call));
      calls.add(call);
    }
    await Promise.all(calls);
  };
  const look = async () => {
    while (secondsSince() < length && !signal.aborted) {
      await clock.sleep(times.sampleMs, signal);
      const at = secondsSince();
      stage.progress(Math.min(1, at / length), `${Math.round(at)} s`);
      for (const [name, unit, value] of await valuesOf(redis, gateway, workers, tensors)) {
        if (!all.has(name)) all.set(name, { name, unit, samples: [] });
        all.get(name)!.samples.push([at, value]);
      }
    }
  };
  await Promise.all([load(), look()]);
  signal.throwIfAborted();
  const series = [...all.values()];
  return {
    method:
      `${times.perSecond} clients a second come to one gateway and ${WORKERS} workers: photos, ` +
      `followed jobs of two photos, bursts over a WebSocket, damaged photos, clients that leave. ` +
      `Batches have ${BATCH_MAX} images at most, so that the engine has soon met every size. ` +
      `After ${times.warmUpSeconds} s at ${WARM_UP_PACE} times that pace everything that could ` +
      `grow is looked at for ` +
      `${times.seconds} s, every ${times.sampleMs} ms. Growth is the trend (the median of the ` +
      `slopes between all pairs of samples) over that time; noise is how far the samples scatter ` +
      `about it (5th to 95th percentile), at least ${100 * LEAST_SHARE} % of the usual value.`,
    tables: [tableOf(series, times.warmUpSeconds), clientsTable(clients)],
    plots: plotsOf(series),
    figures: figuresOf(series, times.warmUpSeconds, clients),
  };
};

function timesOf({ quick, minutes }: Stage): typeof QUICK {
  if (quick) return QUICK;
  // Code is compiled, pools of memory find their size, records reach their lifetime.
  return { warmUpSeconds: 30 * minutes, seconds: 30 * minutes, ...PACE };
}

/** When the i-th client comes, in seconds. */
function dueAt(i: number, { warmUpSeconds, perSecond }: typeof QUICK): number {
  const warmUp = WARM_UP_PACE * perSecond * warmUpSeconds;
  return i < warmUp ? i / (WARM_UP_PACE * perSecond) : warmUpSeconds + (i - warmUp) / perSecond;
}

type Value = readonly [name: string, unit: Series["unit"], value: number];

async function valuesOf(
  redis: BenchRedis,
  gateway: System,
  workers: System,
  tensors: number[],
): Promise<Value[]> {
  const values: Value[] = [];
  for (const [role, { children }] of [["gateway", gateway], ["worker", workers]] as const) {
    for (const [i, child] of children.entries()) {
      const cost = await child.cost();
      if (cost !== undefined) values.push([`${role} ${i + 1}`, "MiB", cost.rssBytes / 2 ** 20]);
    }
  }
  values.push(["Redis", "MiB", await redis.memoryBytes() / 2 ** 20]);
  const { keys, streams, entries, consumers } = await redis.contents();
  values.push(["keys", "", keys], ["streams", "", streams], ["entries", "", entries]);
  values.push(["consumers", "", consumers]);
  values.push(["connections to Redis", "", await redis.connections()]);
  const alive = tensors.splice(0);
  if (alive.length > 0) values.push(["tensors of a worker", "", Math.max(...alive)]);
  return values;
}

/** What counts of a series, in words and numbers. */
function judged({ samples }: Series, warmUpSeconds: number): {
  readonly growth: number;
  readonly noise: number;
  readonly usual: number;
} {
  const counted = samples.filter(([at]) => at > warmUpSeconds);
  const { total, noise } = growthOf(counted);
  const usual = median(counted.map(([, value]) => value));
  return { growth: total, noise: Math.max(noise, LEAST, LEAST_SHARE * usual), usual };
}

function tableOf(all: readonly Series[], warmUpSeconds: number): Table {
  return {
    title: "What could grow",
    columns: ["", "unit", "usual", "growth", "noise", "growth against noise"],
    rows: all.map((series) => {
      const { growth, noise, usual } = judged(series, warmUpSeconds);
      return [series.name, series.unit, usual, growth, noise, growth / noise];
    }),
  };
}

function clientsTable({ counts }: MixedClients): Table {
  return {
    title: "Clients",
    columns: ["", "answered as they must be", "not so"],
    rows: counts,
  };
}

function plotsOf(all: readonly Series[]): Plot[] {
  const [memory, counts] = (["MiB", ""] as const).map((unit) =>
    all.filter((series) => series.unit === unit)
  );
  const minutes = ([at, value]: Sample): Sample => [at / 60, value];
  return [
    {
      title: "Memory of each process, warm-up included",
      x: "minutes",
      y: "MiB",
      series: memory!.map(({ name, samples }) => ({ name, points: samples.map(minutes) })),
    },
    {
      title: "How many there are, against the usual number, warm-up included",
      x: "minutes",
      y: "times the median",
      series: counts!.map(({ name, samples }) => {
        const usual = median(samples.map(([, value]) => value));
        const points = samples.map(([at, value]) => minutes([at, value / Math.max(usual, LEAST)]));
        return { name, points };
      }),
    },
  ];
}

function figuresOf(
  all: readonly Series[],
  warmUpSeconds: number,
  { counts }: MixedClients,
): Figure[] {
  const ratios = all.map((series) => {
    const { growth, noise } = judged(series, warmUpSeconds);
    return growth / noise;
  });
  return [
    {
      name: "greatest growth of anything in a soak, against its noise",
      value: Math.max(...ratios),
      goal: { atMost: 1 },
      unit: "×",
    },
    {
      name: "clients of a soak that were not answered as they must be",
      value: counts.reduce((sum, [, , wrong]) => sum + wrong, 0),
      goal: { atMost: 0 },
      unit: "",
    },
  ];
}
