/**
 * What clients cost that follow jobs while nothing happens.
 *
 * @module
 */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { TemporaryFolder } from "../../shared/temporary_folder.ts";
import { IdleClients } from "../idle_clients.ts";
import { quantile } from "../numbers.ts";
import { offerModels } from "../offered.ts";
import { BenchRedis } from "../redis.ts";
import type { Figure, Scenario, Stage } from "../scenario.ts";
import { startWeir, type System } from "../system.ts";

const CLIENTS = [0, 1000, 10_000];
const QUICK_CLIENTS = [0, 200];
/** Time over which commands are counted. */
const SECONDS = 60;
/** Jobs that the clients follow. */
const HELD_JOBS = 100;
/** Jobs that are done while the clients hang on. */
const LIVE_JOBS = 300;
/** After this time maintenance, which runs every minute, has seen that nothing happens any more. */
const QUIET_MS = 65_000;
/** Longer than it takes. */
const HELD_MS = 3_600_000;
/** The model of which no worker is left. */
const HELD_MODEL = "held";

interface Point {
  readonly clients: number;
  /** Jobs that wait. */
  readonly held: number;
  /** Commands of each role. */
  readonly aMinute: Readonly<Record<"gateway" | "worker", number>>;
  readonly gatewayMiB: number | undefined;
  readonly redisConnections: number;
}

export const idle: Scenario = async (stage) => {
  const { quick, progress } = stage;
  const seconds = quick ? 3 : SECONDS;
  await using folder = await temporaryModels(stage);
  await using redis = await BenchRedis.start(stage.redisServer, "everysec");
  const env = { WEIR_ENGINE: "null", WEIR_TIMEOUT_MS: String(HELD_MS) };
  await using gateway = await startWeir(stage, redis, { workers: 0, env });
  const url = gateway.urls[0]!;
  const photo = await Deno.readFile(join(stage.root, "fixtures/photos/star.jpg"));
  const held: string[] = [];
  using clients = new IdleClients();
  const points: Point[] = [];
  const measure = async (count: number, done: number) => {
    progress(done, `${count} clients`);
    await clients.growTo(count, url, held);
    const cost = await quietTime(stage, redis, gateway, seconds);
    points.push({ clients: count, held: held.length, ...cost });
  };
  const untilQuiet = () => stage.clock.sleep(quick ? 0 : QUIET_MS, stage.signal);
  const only = { ...env, WEIR_MODELS: folder.one };
  await using _worker = await startWeir(stage, redis, { gateways: 0, env: only });
  await untilQuiet();
  await measure(0, 0.2);
  await offerModels(stage, redis, gateway, { ...env, WEIR_MODELS: folder.both }, 2);
  for (let i = 0; i < HELD_JOBS; i++) held.push(await submit(url, photo, HELD_MODEL));
  await untilQuiet();
  const counts = quick ? QUICK_CLIENTS : CLIENTS;
  for (const [i, count] of counts.entries()) {
    await measure(count, 0.4 + 0.5 * i / counts.length);
  }
  progress(0.9, "jobs, while the clients hang on");
  const latencies: number[] = [];
  for (let i = 0; i < (quick ? 20 : LIVE_JOBS); i++) {
    latencies.push(await liveMs(stage, url, photo));
  }
  return {
    method:
      `Redis' commands of ${seconds} s are counted by who sends them, a gateway or a worker: ` +
      `without a job, and while clients follow ${HELD_JOBS} jobs of a model without a worker. Then ` +
      `${latencies.length} jobs are done one after the other: from the time at which each had ` +
      `its outcome, by Redis' clock, to the time at which its client has read it.`,
    tables: [{
      title: "While nothing happens",
      columns: [
        "clients",
        "jobs that wait",
        "gateway's commands/min",
        "worker's commands/min",
        "gateway MiB",
        "connections to Redis",
      ],
      rows: points.map((point) => [
        String(point.clients),
        point.held,
        point.aMinute.gateway,
        point.aMinute.worker,
        point.gatewayMiB,
        point.redisConnections,
      ]),
    }],
    plots: [],
    figures: figuresOf(points, latencies),
  };
};

/** Counts while nothing happens. */
async function quietTime(
  { clock, signal }: Stage,
  redis: BenchRedis,
  gateway: System,
  seconds: number,
): Promise<Omit<Point, "clients" | "held">> {
  const commands = await redis.commandsDuring(() => clock.sleep(seconds * 1000, signal));
  const cost = await gateway.cost();
  const aMinute = (role: string) => commands.get(role)! * 60 / seconds;
  return {
    aMinute: { gateway: aMinute("gateway"), worker: aMinute("worker") },
    gatewayMiB: cost && cost.rssBytes / 2 ** 20,
    redisConnections: await redis.connections() - 1,
  };
}

async function submit(url: string, photo: Uint8Array<ArrayBuffer>, model: string): Promise<string> {
  const response = await fetch(`${url}/v1/jobs?model=${model}`, { method: "POST", body: photo });
  const job = await response.json();
  if (response.status !== 202) throw new Error(`submit a job: ${job.detail}`);
  return job.id;
}

/** Follows a job to its end: how long its outcome was on its way. */
async function liveMs(
  { clock }: Stage,
  url: string,
  photo: Uint8Array<ArrayBuffer>,
): Promise<number> {
  const id = await submit(url, photo, "shapes");
  const text = await (await fetch(`${url}/v1/jobs/${id}/events`)).text();
  const now = clock.wall();
  const [, data] = /event: succeeded\nid: \d+\ndata: (.*)/.exec(text)!;
  return now - Date.parse(JSON.parse(data!).finishedAt);
}

function figuresOf(points: readonly Point[], latencies: readonly number[]): Figure[] {
  const [idle, unfollowed, ...followed] = points;
  const most = followed.at(-1)!;
  const figures: Figure[] = [
    {
      name: "commands a minute of an idle gateway",
      value: idle!.aMinute.gateway,
      goal: { atMost: 12 },
      unit: "commands",
    },
    {
      name: "commands a minute of an idle worker",
      value: idle!.aMinute.worker,
      goal: { atMost: 15 },
      unit: "commands",
    },
    {
      name: `commands a minute of a gateway, more with ${most.clients} clients`,
      value: most.aMinute.gateway - unfollowed!.aMinute.gateway,
      goal: { atMost: 2 },
      unit: "commands",
    },
    {
      name: `an event's way beside ${most.clients} clients, p99`,
      value: quantile(latencies, 0.99),
      goal: { atMost: 50 },
      unit: "ms",
    },
  ];
  if (most.gatewayMiB === undefined) return figures;
  const memory = { name: `memory of a gateway with ${most.clients} clients`, unit: "MiB" };
  return [...figures, { ...memory, value: most.gatewayMiB, goal: { atMost: 700 } }];
}

/** Two repositories: one with the built-in model twice, one with it alone. */
async function temporaryModels(
  { root }: Stage,
): Promise<AsyncDisposable & { readonly both: string; readonly one: string }> {
  const temporary = await TemporaryFolder.make("weir-bench-");
  const [both, one] = [join(temporary.path, "both"), join(temporary.path, "one")];
  for (const folder of [both, one]) {
    await cp(join(root, "fixtures", "models"), folder, { recursive: true });
  }
  const held = join(both, HELD_MODEL);
  await cp(join(both, "shapes"), held, { recursive: true });
  const settings = JSON.parse(await Deno.readTextFile(join(held, "weir.json")));
  await Deno.writeTextFile(
    join(held, "weir.json"),
    JSON.stringify({ ...settings, default: false }),
  );
  return { both, one, [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose]() };
}
