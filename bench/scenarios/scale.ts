/**
 * How throughput grows with workers, gateways and shards, where the engine takes a known time.
 *
 * The engine only waits, so that a machine has room for many of them; everything else is as it is.
 * That room ends where processors are busy with the jobs' way: with batches of eight, 32 workers
 * and the load take about two thirds of two cores; with single jobs they would take twice as much.
 *
 * @module
 */
import { join } from "node:path";
import { median, spread } from "../numbers.ts";
import { BenchRedis } from "../redis.ts";
import type { Cell, Figure, Plot, Scenario, Stage } from "../scenario.ts";
import { startWeir, type System } from "../system.ts";
import { type Answered, askingWeir, WaitingClients } from "../waiting_clients.ts";

/** Time that the engine takes for an image. */
const DELAY_MS = 50;
const BATCH_MAX = 8;
/** Requests at once for each worker: the batch that runs, the next one, and one on its way. */
const AT_ONCE = 3 * BATCH_MAX;
const WORKERS = [1, 2, 4, 8, 16, 32];
const QUICK_WORKERS = [1, 2];
/** Gateways and shards, each with the greatest number of workers. */
const OTHERS = [[2, 1], [4, 1], [1, 2], [1, 4], [4, 4]] as const;
const QUICK_OTHERS = [[2, 2]] as const;
const [WARM_UP_SECONDS, SECONDS] = [2, 6];
const QUICK_SECONDS = [0.5, 1.5] as const;
/** Workers that are started at the same time. */
const STARTED_AT_ONCE = 8;
/** No job of a queue that is as long as the requests at once takes longer. */
const LIMIT_MS = 60_000;

interface Point {
  readonly workers: number;
  readonly gateways: number;
  readonly shards: number;
  /** Jobs a second, in each round. */
  readonly rates: readonly number[];
  /** Requests that were refused, and sent again. */
  readonly refused: number;
}

export const scale: Scenario = async (stage) => {
  const workers = stage.quick ? QUICK_WORKERS : WORKERS;
  const others = stage.quick ? QUICK_OTHERS : OTHERS;
  const steps = workers.length + others.length;
  let step = 0;
  const progress = (what: string) => stage.progress(step++ / steps, what);
  const points: Point[] = [];
  const one = { gateways: 1, shards: 1 };
  await measureAll(stage, one, workers, (point) => points.push(point), progress);
  const most = workers.slice(-1);
  for (const [gateways, shards] of others) {
    await measureAll(stage, { gateways, shards }, most, (point) => points.push(point), progress);
  }
  return {
    method: `The engine waits ${DELAY_MS} ms for each image, one after the other, in batches of ` +
      `${BATCH_MAX}; ${AT_ONCE} requests at once for each worker, of a photo of 5 kB, all ` +
      `processes and the load on this machine. Medians of ${roundsOf(stage)} rounds of ` +
      `${secondsOf(stage)[1]} s; Redis with AOF, everysec.`,
    tables: [{
      title: "Jobs done",
      columns: ["workers", "gateways", "shards", "jobs/s", "spread", "refused", "times one worker"],
      rows: points.map(({ workers, gateways, shards, rates, refused }): Cell[] => [
        String(workers),
        gateways,
        shards,
        median(rates),
        `± ${(100 * spread(rates)).toFixed(1)} %`,
        refused,
        median(rates) / median(points[0]!.rates),
      ]),
    }],
    plots: [plotOf(points.slice(0, workers.length))],
    figures: [figureOf(points[0]!, points[workers.length - 1]!)],
  };
};

function roundsOf({ quick, rounds }: Stage): number {
  return quick ? 1 : rounds;
}

/** Of the warm-up, and of a round. */
function secondsOf({ quick }: Stage): readonly [warmUp: number, round: number] {
  return quick ? QUICK_SECONDS : [WARM_UP_SECONDS, SECONDS];
}

/** Measures one Weir, to which workers are added. */
async function measureAll(
  stage: Stage,
  { gateways, shards }: { readonly gateways: number; readonly shards: number },
  counts: readonly number[],
  take: (point: Point) => void,
  progress: (what: string) => void,
): Promise<void> {
  await using owned = new AsyncDisposableStack();
  const redis = owned.use(await BenchRedis.start(stage.redisServer, "everysec"));
  const env = {
    WEIR_ENGINE: "null",
    WEIR_NULL_DELAY_MS: String(DELAY_MS),
    WEIR_BATCH_MAX: String(BATCH_MAX),
    WEIR_SHARDS: String(shards),
    WEIR_TIMEOUT_MS: String(LIMIT_MS),
  };
  const { urls } = owned.use(await startWeir(stage, redis, { gateways, workers: 0, env }));
  let workers = 0;
  for (const count of counts) {
    progress(`${count} workers, ${gateways} gateways, ${shards} shards`);
    while (workers < count) {
      const more = Math.min(STARTED_AT_ONCE, count - workers);
      owned.use(await startWeir(stage, redis, { gateways: 0, workers: more, env }));
      workers += more;
    }
    take({ workers, gateways, shards, ...await underLoad(stage, urls, AT_ONCE * workers) });
  }
}

/** What is done, in each round, while so many requests are under way through the gateways. */
async function underLoad(
  stage: Stage,
  urls: System["urls"],
  atOnce: number,
): Promise<Pick<Point, "rates" | "refused">> {
  const { root, clock, signal } = stage;
  const photo = await Deno.readFile(join(root, "fixtures/photos/star.jpg"));
  await using owned = new AsyncDisposableStack();
  const clients = urls.map((url) =>
    owned.use(new WaitingClients(atOnce / urls.length, askingWeir(url, photo, LIMIT_MS), clock))
  );
  const during = async (seconds: number) => {
    await clock.sleep(1000 * seconds, signal);
    signal.throwIfAborted();
    return clients.flatMap((some) => some.take());
  };
  const [warmUp, round] = secondsOf(stage);
  await during(warmUp);
  const rates: number[] = [];
  while (rates.length < roundsOf(stage)) rates.push(rateOf(await during(round)));
  return { rates, refused: clients.reduce((sum, { refused }) => sum + refused, 0) };
}

/** Jobs a second, from one batch's end to another's: bounds in between would cut batches. */
function rateOf(answered: readonly Answered[]): number {
  const times = answered.map(({ finishedAt }) => finishedAt);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  return 1000 * times.filter((time) => time > first).length / (last - first);
}

function plotOf(points: readonly Point[]): Plot {
  const [one] = points;
  return {
    title: "Throughput against workers",
    x: "workers",
    y: "jobs a second",
    logarithmic: true,
    series: [
      {
        name: "weir",
        points: points.map(({ workers, rates }) => [workers, median(rates)] as const),
      },
      {
        name: "one worker's, as often",
        points: points.map(({ workers }) => [workers, workers * median(one!.rates)] as const),
      },
    ],
  };
}

function figureOf(one: Point, many: Point): Figure {
  return {
    name: `throughput of ${many.workers} workers, against ${many.workers} times that of one`,
    value: median(many.rates) / median(one.rates) / many.workers,
    goal: { atLeast: 0.95 },
    unit: "×",
  };
}
