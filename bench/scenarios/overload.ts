/**
 * Twice as many requests as can be served: who is taken waits a bounded time, who is refused is
 * told how long it would have been.
 *
 * @module
 */
import { join } from "node:path";
import { median, quantile } from "../numbers.ts";
import type { BenchRedis } from "../redis.ts";
import type { Figure, Scenario, Stage, Table } from "../scenario.ts";
import { BATCH_MAX, DELAY_MS, startSlowWeir, TWICE_PER_SECOND } from "../slow_weir.ts";
import { accepted, putSteadyLoad, type Reply, statuses } from "../steady_load.ts";
import type { System } from "../system.ts";

const WAIT_MAX_MS = 2000;
const SECONDS = 60;
/** Before it is measured: the queue fills, the rate becomes known, code is compiled. */
const WARM_UP_SECONDS = 10;
const MEMORY_PERIOD_MS = 1000;

export const overload: Scenario = async (stage) => {
  const { root, quick, signal, clock, progress } = stage;
  const seconds = quick ? 2 : SECONDS;
  await using slow = await startSlowWeir(stage, ["bench"], WAIT_MAX_MS);
  const { weir, keys, redis } = slow;
  const photo = await Deno.readFile(join(root, "fixtures/photos/star.jpg"));
  const load = { url: weir.urls[0]!, key: keys.key("bench"), photo, perSecond: TWICE_PER_SECOND };
  progress(0, "warming up");
  await putSteadyLoad({ ...load, clock, signal, seconds: quick ? 3 : WARM_UP_SECONDS });
  progress(0.2, `${TWICE_PER_SECOND} requests a second`);
  using memory = watchMemory(weir, redis, stage);
  const replies = await putSteadyLoad({ ...load, clock, signal, seconds });
  return {
    method:
      `${TWICE_PER_SECOND} requests a second for ${seconds} s, of which an engine that takes ` +
      `${DELAY_MS} ms for an image can serve half; WEIR_QUEUE_WAIT_MAX_MS=${WAIT_MAX_MS}, ` +
      `batches of ${BATCH_MAX}, Redis with AOF, everysec.`,
    tables: [tableOf(replies, memory.bytes)],
    plots: [{
      title: "Waits of those who were taken",
      x: "s",
      y: "ms",
      series: [{
        name: "weir",
        points: accepted(replies).map(({ at, ms }) => [at / 1000, ms] as const),
      }],
    }],
    figures: figuresOf(replies, memory.bytes),
  };
};

/** Resident memory of Weir's processes, and what Redis uses. */
function watchMemory(
  weir: System,
  redis: BenchRedis,
  { clock }: Stage,
): { readonly bytes: readonly number[] } & Disposable {
  const bytes: number[] = [];
  const stop = new AbortController();
  const watch = async () => {
    while (!stop.signal.aborted) {
      const [cost, used] = await Promise.all([weir.cost(), redis.memoryBytes()]);
      if (cost !== undefined) bytes.push(cost.rssBytes + used);
      await clock.sleep(MEMORY_PERIOD_MS, stop.signal);
    }
  };
  // It ends with Weir at the latest.
  watch().catch(() => {});
  return { bytes, [Symbol.dispose]: () => stop.abort() };
}

function tableOf(replies: readonly Reply[], memory: readonly number[]): Table {
  const taken = accepted(replies);
  const seconds = Math.max(...taken.map(({ at, ms }) => at + ms)) / 1000;
  const [first, second] = halvesOf(memory).map((bytes) => median(bytes) / 1e6);
  return {
    title: "Twice the load that can be served",
    columns: ["", "measured"],
    rows: [
      ["answers by status", statuses(replies)],
      ["served in a second", taken.length / seconds],
      ["wait of those taken, p50, ms", median(taken.map(({ ms }) => ms))],
      ["time to be refused, p99, ms", quantile(refusedOf(replies).map(({ ms }) => ms), 0.99)],
      ["memory in the first half and in the second, MB", `${first} and ${second}`],
    ],
  };
}

function figuresOf(replies: readonly Reply[], memory: readonly number[]): Figure[] {
  const taken = accepted(replies);
  const ratios = refusedOf(replies).map((reply) => reply.retryAfterMs! / nearest(taken, reply).ms);
  const right = ratios.filter((ratio) => ratio >= 0.5 && ratio <= 2).length;
  const odd = replies.filter(({ status }) => ![200, 429, 503].includes(status));
  const [first, second] = halvesOf(memory).map(median);
  return [
    {
      name: "wait of those taken, p99: the bound and two batches",
      value: quantile(taken.map(({ ms }) => ms), 0.99),
      goal: { atMost: WAIT_MAX_MS + 2 * BATCH_MAX * DELAY_MS },
      unit: "ms",
    },
    {
      name: "refusals whose Retry-After is within a factor 2 of the wait at that time",
      value: 100 * right / ratios.length,
      goal: { atLeast: 99 },
      unit: "%",
    },
    {
      name: "answers that are neither a prediction nor a refusal",
      value: odd.length,
      goal: { atMost: 0 },
      unit: "",
    },
    {
      name: "memory in the second half, against the first",
      value: second! / first!,
      goal: { atMost: 1.1 },
      unit: "×",
    },
  ];
}

function refusedOf(replies: readonly Reply[]): Reply[] {
  return replies.filter(({ retryAfterMs }) => retryAfterMs !== undefined);
}

function halvesOf(values: readonly number[]): readonly (readonly number[])[] {
  const half = Math.floor(values.length / 2);
  return [values.slice(0, half), values.slice(half)];
}

/** The accepted request that was sent nearest to another; they are in the order of sending. */
function nearest(taken: readonly Reply[], { at }: Reply): Reply {
  let [low, high] = [0, taken.length - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (taken[middle]!.at < at) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [taken[Math.max(0, low - 1)]!, taken[low]!];
  return Math.abs(at - before.at) < Math.abs(after.at - at) ? before : after;
}
