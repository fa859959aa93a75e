/**
 * What all shards are doing now, read in two round trips each: who is there, then how they are.
 *
 * Owns what it remembers of the first entries of lanes that nobody reads, so that an image passes
 * through Lua once for each of them and not at every look. Only reads.
 * Invariant: a look costs a few commands for each model, worker and gateway, however many jobs wait.
 *
 * @module
 */
import { BrokerUnavailable } from "../broker.ts";
import type { Clock } from "../clock.ts";
import type {
  ModelOverview,
  Overview,
  Overviews,
  ServerOverview,
  WorkerOverview,
} from "../overview.ts";
import { GROUP } from "./keys.ts";
import { parseBeat, servedOf } from "./registry.ts";
import { runScript, runScripts, Script } from "./script.ts";
import { FIRST_ENTRY, READ_MODEL } from "./scripts/overview.ts";
import type { Shard, Shards } from "./shard.ts";

const readModelScript = new Script(READ_MODEL);
const firstEntryScript = new Script(FIRST_ENTRY);

type ModelReply = [
  jobs: number,
  bytes: number,
  deadLetters: number,
  deadBytes: number,
  pending: number,
  oldest: string,
  ...waiting: (number | string)[],
];

/** What one shard says of itself. */
type ShardState = Pick<Overview, "models" | "workers" | "gateways">;

/** First entry of a lane, as long as the same one was delivered last. */
interface Head {
  readonly delivered: string;
  readonly entry: string;
}

export interface RedisOverviewsParts {
  readonly shards: Pick<Shards, "all" | "onePerServer">;
  readonly clock: Pick<Clock, "wall">;
}

export class RedisOverviews implements Overviews {
  readonly #parts: RedisOverviewsParts;
  /** Heads of lanes that have entries, none of them in anybody's hands. By stream. */
  #heads: ReadonlyMap<string, Head> = new Map();

  constructor(parts: RedisOverviewsParts) {
    this.#parts = parts;
  }

  async read(): Promise<Overview> {
    const { shards, clock } = this.#parts;
    const heads = new Map<string, Head>();
    const states = Promise.all(
      shards.all.map((shard) => unlessAway(() => this.#readShard(shard, heads))),
    );
    const servers = Promise.all(
      shards.onePerServer.map((shard) => unlessAway(() => readServer(shard))),
    );
    const read = await states;
    this.#heads = heads;
    const present = read.filter((state) => state !== undefined);
    return {
      readAt: clock.wall(),
      shards: shards.all.map(({ number, away }, i) => ({
        number,
        breakerOpen: away,
        read: read[i] !== undefined,
      })),
      models: sumOf(present.flatMap(({ models }) => models)),
      workers: freshestOf(present.flatMap(({ workers }) => workers)),
      gateways: [...new Set(present.flatMap(({ gateways }) => gateways))].sort(),
      servers: (await servers).filter((server) => server !== undefined),
    };
  }

  async #readShard(shard: Shard, heads: Map<string, Head>): Promise<ShardState> {
    const { keys } = shard;
    const [models, served, gateways, time] = await shard.run((client) =>
      Promise.all([
        client.hkeys(keys.models()),
        client.hgetall(keys.workers()),
        client.smembers(keys.gateways()),
        client.time(),
      ])
    );
    const [workers, alive, states] = await Promise.all([
      readWorkers(shard, served),
      readAlive(shard, gateways),
      this.#readModels(shard, models, heads, Number(time[0]) * 1000 + Number(time[1]) / 1000),
    ]);
    const servers = (model: string) =>
      workers.filter(({ alive, models }) => alive !== undefined && models.includes(model)).length;
    return {
      models: states.map((state) => ({ ...state, workers: servers(state.model) })),
      workers,
      gateways: alive,
    };
  }

  async #readModels(
    shard: Shard,
    models: readonly string[],
    heads: Map<string, Head>,
    now: number,
  ): Promise<Omit<ModelOverview, "workers">[]> {
    const { keys } = shard;
    const calls = models.map((model) => ({
      keys: [keys.load(model), keys.dead(model), keys.deadBytes(model), ...keys.lanes(model)],
      args: [GROUP],
    }));
    const replies = await runScripts(shard, readModelScript, calls) as ModelReply[];
    return await Promise.all(models.map(async (model, i) => {
      const [jobs, bytes, deadLetters, deadBytes, pending, oldest, ...waiting] = replies[i]!;
      const entries = oldest === "" ? [] : [oldest];
      for (let at = 0; at < waiting.length; at += 2) {
        const stream = keys.jobs(model, Number(waiting[at]));
        const head = await this.#head(shard, stream, String(waiting[at + 1]));
        heads.set(stream, head);
        if (head.entry !== "") entries.push(head.entry);
      }
      const times = entries.map(addedAt);
      const oldestMs = times.length === 0 ? 0 : Math.max(0, Math.round(now) - Math.min(...times));
      return { model, jobs, bytes, pending, oldestMs, deadLetters, deadBytes };
    }));
  }

  /** What waits first in a stream that nobody has read of since an entry was delivered. */
  async #head(shard: Shard, stream: string, delivered: string): Promise<Head> {
    const known = this.#heads.get(stream);
    if (delivered !== "" && known?.delivered === delivered && known.entry !== "") return known;
    return { delivered, entry: await runScript(shard, firstEntryScript, [stream], []) as string };
  }
}

async function readWorkers(
  shard: Shard,
  served: Readonly<Record<string, string>>,
): Promise<WorkerOverview[]> {
  const names = Object.keys(served);
  return await shard.run((client) =>
    Promise.all(names.map(async (name) => {
      const beat = shard.keys.beat(name);
      const [value, leftMs] = await Promise.all([client.get(beat), client.pttl(beat)]);
      const models = Object.keys(servedOf(served[name]!));
      if (value === null || leftMs < 0) return { name, models, alive: undefined };
      const { engine, lifetimeMs } = parseBeat(value);
      return { name, models, alive: { engine, beatMs: Math.max(0, lifetimeMs - leftMs) } };
    }))
  );
}

/** Those gateways whose result stream is there. */
async function readAlive(shard: Shard, gateways: readonly string[]): Promise<string[]> {
  const there = await shard.run((client) =>
    Promise.all(gateways.map((gateway) => client.exists(shard.keys.results(gateway))))
  );
  return gateways.filter((_, i) => there[i] === 1);
}

async function readServer(shard: Shard): Promise<ServerOverview> {
  const info = String(await shard.onServer("INFO"));
  const field = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, "m").exec(info)?.[1] ?? "";
  return {
    shard: shard.number,
    version: field("redis_version"),
    memoryBytes: Number(field("used_memory")),
    memoryBytesMax: Number(field("maxmemory")),
    connections: Number(field("connected_clients")),
    commands: Number(field("total_commands_processed")),
    commandsPerSecond: Number(field("instantaneous_ops_per_sec")),
  };
}

async function unlessAway<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof BrokerUnavailable) return undefined;
    throw error;
  }
}

/** When an entry was added: its id begins with the milliseconds of Redis' clock. */
function addedAt(entry: string): number {
  return Number(entry.slice(0, entry.indexOf("-")));
}

/** A model's parts on all shards as one. */
function sumOf(parts: readonly ModelOverview[]): ModelOverview[] {
  const groups = [...Map.groupBy(parts, ({ model }) => model).values()];
  const models = groups.map((group) =>
    group.reduce((a, b) => ({
      model: a.model,
      // Every worker is on every shard.
      workers: Math.max(a.workers, b.workers),
      jobs: a.jobs + b.jobs,
      bytes: a.bytes + b.bytes,
      pending: a.pending + b.pending,
      oldestMs: Math.max(a.oldestMs, b.oldestMs),
      deadLetters: a.deadLetters + b.deadLetters,
      deadBytes: a.deadBytes + b.deadBytes,
    }))
  );
  return models.sort((a, b) => a.model < b.model ? -1 : 1);
}

/** Each worker as the shard knows it that heard of it last. */
function freshestOf(workers: readonly WorkerOverview[]): WorkerOverview[] {
  const silence = ({ alive }: WorkerOverview) => alive?.beatMs ?? Infinity;
  const groups = [...Map.groupBy(workers, ({ name }) => name).values()];
  return groups.map((group) => group.reduce((a, b) => silence(b) < silence(a) ? b : a))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}
