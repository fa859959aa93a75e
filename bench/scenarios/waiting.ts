/**
 * What clients cost that wait for their jobs, and how late they hear of the outcome: Weir's result
 * streams, polling, keyspace notifications and Pub/Sub.
 *
 * @module
 */
import { join } from "node:path";
import { quantile, shares } from "../numbers.ts";
import { offerModels } from "../offered.ts";
import { startPolling, type Waits } from "../peers.ts";
import { BenchRedis } from "../redis.ts";
import type { Figure, Scenario, Stage } from "../scenario.ts";
import { spending, type Spent, startWeir, type System } from "../system.ts";
import { type Ask, askingWeir, WaitingClients } from "../waiting_clients.ts";

const CLIENTS = 100;
const QUICK_CLIENTS = 10;
const NAMES = ["weir", "polling", "keyspace", "pubsub"] as const;
const QUICK_NAMES = ["weir", "keyspace"] as const;
/** Time of each client's job: the others' jobs before it, and its own. */
const WAIT_MS = 2000;
/** Time over which nothing is done: that of a blocking read, so that each has as many. */
const QUIET_SECONDS = 15;
const BUSY_SECONDS = 20;
const LIMIT_MS = 120_000;

/** A way of waiting, by its parts. */
interface Design {
  readonly name: string;
  readonly startGateway: () => Promise<System>;
  readonly startWorker: () => Promise<System>;
  /** The command that every submit has once. */
  readonly submits: string;
  readonly ask: (url: string) => Ask;
}

/** What came of one. */
interface Measured {
  readonly name: string;
  /** While nothing is done: with one client, and with all of them. */
  readonly alone: Spent;
  readonly quiet: Spent;
  readonly busy: Spent;
  /** Milliseconds between outcome and answer. */
  readonly added: readonly number[];
}

export const waiting: Scenario = async (stage) => {
  const clients = stage.quick ? QUICK_CLIENTS : CLIENTS;
  const delayMs = WAIT_MS / CLIENTS;
  const waitSeconds = delayMs * clients / 1000;
  const { quiet: seconds } = secondsOf(stage);
  const photo = await Deno.readFile(join(stage.root, "fixtures/photos/star.jpg"));
  const names = stage.quick ? QUICK_NAMES : NAMES;
  const all: Measured[] = [];
  for (const [i, name] of names.entries()) {
    await using redis = await BenchRedis.start(stage.redisServer, "everysec");
    const design = name === "weir"
      ? weirDesign(stage, redis, photo, delayMs)
      : peerDesign(stage, redis, photo, delayMs, name);
    const progress: Stage["progress"] = (done, what) =>
      stage.progress((i + done) / names.length, `${name}: ${what}`);
    all.push(await measure({ ...stage, progress }, redis, design, clients));
  }
  return {
    method: `${clients} clients wait for one gateway. First no worker is there for ` +
      `${seconds} s, and all that Redis and the gateway do is wait, for one client and for all ` +
      `of them. Then one worker does a job every ${delayMs} ms, so that each client waits ` +
      `${waitSeconds} s, and sends the next. Added latency: from the outcome, whose time the ` +
      `worker (with Weir: Redis, as it writes it) notes to the millisecond, to the answer. ` +
      `Keyspace notifications are backed by polling every 2 s; what Pub/Sub loses is lost.`,
    tables: [
      {
        title: `What ${clients - 1} more waiting clients cost a second while nothing is done`,
        columns: ["", "commands", "bytes", "Redis ms", "gateway ms", "commands with one client"],
        rows: all.map(({ name, quiet, alone }) => {
          const { commands, bytes, redisCpuSeconds, cpuSeconds } = moreOf(quiet, alone);
          const more = [commands, bytes, 1000 * redisCpuSeconds, ms(cpuSeconds)];
          return [name, ...more.map((cost) => cost && cost / seconds), alone.commands / seconds];
        }),
      },
      {
        title: "While jobs are done, each job",
        columns: ["", "jobs", "commands", "bytes", "Redis ms", "gateway ms", "added p50", "p99"],
        rows: all.map(({ name, busy, added }) => {
          const { commands, bytes, redisCpuSeconds, cpuSeconds } = each(busy, added.length);
          const cost = [commands, bytes, 1000 * redisCpuSeconds, ms(cpuSeconds)];
          return [name, added.length, ...cost, quantile(added, 0.5), quantile(added, 0.99)];
        }),
      },
    ],
    plots: [{
      title: "Share of the answers that come within so long of their outcome",
      x: "ms",
      y: "%",
      series: all.map(({ name, added }) => ({ name, points: shares(added) })),
    }],
    figures: figuresOf(all[0]!, clients, seconds),
  };
};

function secondsOf({ quick }: Stage): { readonly quiet: number; readonly busy: number } {
  return quick ? { quiet: 0.3, busy: 0.5 } : { quiet: QUIET_SECONDS, busy: BUSY_SECONDS };
}

async function measure(
  stage: Stage,
  redis: BenchRedis,
  design: Design,
  count: number,
): Promise<Measured> {
  const { clock, signal, progress } = stage;
  const seconds = secondsOf(stage);
  await using gateway = await design.startGateway();
  const during = async (seconds: number) => {
    const wait = () => clock.sleep(1000 * seconds, signal);
    const { spent } = await spending(redis, gateway, wait);
    signal.throwIfAborted();
    return spent;
  };
  const before = await submitsOf(redis, design);
  await using clients = new WaitingClients(1, design.ask(gateway.urls[0]!), clock);
  const allWait = async (count: number) => {
    while (await submitsOf(redis, design) < before + count) {
      clients.take();
      await clock.sleep(50, signal);
      signal.throwIfAborted();
    }
  };
  await allWait(1);
  progress(0, "one waits, nothing is done");
  const alone = await during(seconds.quiet);
  clients.add(count - 1);
  await allWait(count);
  progress(1 / 3, "all wait, nothing is done");
  const quiet = await during(seconds.quiet);
  await using _worker = await design.startWorker();
  // The first of each has waited for the worker, too.
  for (let done = 0; done < count; done += clients.take().length) {
    await clock.sleep(50, signal);
    signal.throwIfAborted();
  }
  progress(2 / 3, "jobs are done");
  const busy = await during(seconds.busy);
  const added = clients.take().map(({ addedMs }) => addedMs);
  return { name: design.name, alone, quiet, busy, added };
}

async function submitsOf(redis: BenchRedis, { submits }: Design): Promise<number> {
  return (await redis.counters()).calls.get(submits) ?? 0;
}

function weirDesign(
  stage: Stage,
  redis: BenchRedis,
  photo: Uint8Array<ArrayBuffer>,
  delayMs: number,
): Design {
  const env = {
    WEIR_ENGINE: "null",
    WEIR_NULL_DELAY_MS: String(delayMs),
    WEIR_BATCH_MAX: "1",
    WEIR_TIMEOUT_MS: String(LIMIT_MS),
  };
  return {
    name: "weir",
    startGateway: async () => {
      const gateway = await startWeir(stage, redis, { workers: 0, env });
      await offerModels(stage, redis, gateway, env);
      return gateway;
    },
    startWorker: () => startWeir(stage, redis, { gateways: 0, env }),
    submits: "xadd",
    ask: (url) => askingWeir(url, photo, LIMIT_MS),
  };
}

function peerDesign(
  stage: Stage,
  redis: BenchRedis,
  photo: Uint8Array<ArrayBuffer>,
  delayMs: number,
  waits: Waits,
): Design {
  return {
    name: waits,
    startGateway: () => startPolling(stage, redis, { waits, workers: 0 }),
    startWorker: () => startPolling(stage, redis, { waits, delayMs, gateways: 0 }),
    submits: "rpush",
    ask: (url) => async (signal) => {
      const request = { method: "POST", body: photo, signal };
      const answer = await (await fetch(`${url}/predict`, request)).json();
      if (answer.success !== true) throw new Error(`wait for ${waits}: ${JSON.stringify(answer)}`);
      return answer.finishedAt;
    },
  };
}

/** What was spent on each of so many. */
function each({ commands, bytes, redisCpuSeconds, cpuSeconds }: Spent, count: number): Spent {
  return {
    commands: commands / count,
    bytes: bytes / count,
    redisCpuSeconds: redisCpuSeconds / count,
    cpuSeconds: cpuSeconds && cpuSeconds / count,
  };
}

/** What was spent beyond what is spent for one client. */
function moreOf(spent: Spent, alone: Spent): Spent {
  const more = (of: (spent: Spent) => number) => Math.max(0, of(spent) - of(alone));
  return {
    commands: more(({ commands }) => commands),
    bytes: more(({ bytes }) => bytes),
    redisCpuSeconds: more(({ redisCpuSeconds }) => redisCpuSeconds),
    cpuSeconds: spent.cpuSeconds && more(({ cpuSeconds }) => cpuSeconds ?? 0),
  };
}

function ms(seconds: number | undefined): number | undefined {
  return seconds && 1000 * seconds;
}

function figuresOf({ quiet, alone, added }: Measured, clients: number, seconds: number): Figure[] {
  return [
    {
      name: "commands a second for one more client that waits",
      value: moreOf(quiet, alone).commands / (clients - 1) / seconds,
      goal: { atMost: 0.01 },
      unit: "commands",
    },
    {
      name: "an answer's way to who waits, p50",
      value: quantile(added, 0.5),
      goal: { atMost: 3 },
      unit: "ms",
    },
  ];
}
