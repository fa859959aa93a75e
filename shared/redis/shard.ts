/**
 * The shards of a deployment: each its keys, and the way its commands take.
 *
 * Owns the process' command connection. A shard is one hash slot: all its keys are on one server,
 * and where that server is away, the others go on.
 *
 * @module
 */
import calculateSlot from "cluster-key-slot";
import { Cluster } from "ioredis";
import type { Clock } from "../clock.ts";
import { type JobId, shardOf } from "../job.ts";
import type { Log, LogFields } from "../log.ts";
import { BlockingConnection } from "./blocking_connection.ts";
import {
  type CommandClient,
  drop,
  openCommands,
  reconnect,
  type RedisSettings,
  tryMs,
} from "./connection.ts";
import { type Commands, Guard, type GuardParts } from "./guard.ts";
import { ShardKeys } from "./keys.ts";

export interface ShardsParts {
  readonly settings: RedisSettings;
  /** Bound on each call, where it is to be shorter than on connections of blocked readers. */
  readonly callMs?: number;
  /** `WEIR_SHARDS`. */
  readonly count: number;
  /** `WEIR_REDIS_CONNECTIONS_MAX`. */
  readonly connectionsMax: number;
  /** Connections that this process will open besides those for commands. */
  readonly others: number;
  /** Told how long each call took that was tried, in milliseconds. */
  readonly onCall?: (ms: number) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** The process would need more connections than it may have; carries the sentence that says so. */
export class TooManyConnections extends Error {
  override readonly name = "TooManyConnections";

  constructor(needed: number, max: number) {
    super(
      `redis: ${needed} connections are needed, WEIR_REDIS_CONNECTIONS_MAX is ${max}: raise it, ` +
        "or use fewer shards",
    );
  }
}

/** One shard, as its adapters know it. */
export class Shard implements Commands {
  readonly keys: ShardKeys;
  readonly #guard: Guard;
  readonly #parts: Pick<ShardsParts, "settings" | "clock">;

  constructor(keys: ShardKeys, guard: Guard, parts: Pick<ShardsParts, "settings" | "clock">) {
    this.keys = keys;
    this.#guard = guard;
    this.#parts = parts;
  }

  /** Its number, from 0. */
  get number(): number {
    return this.keys.shard;
  }

  /** Whether its server is known to be away. */
  get away(): boolean {
    return this.#guard.open;
  }

  run<T>(call: (client: CommandClient) => Promise<T>): Promise<T> {
    return this.#guard.run(call);
  }

  /** Runs a command that names no key, on the server that holds this shard. */
  onServer(command: string, ...args: (string | number)[]): Promise<unknown> {
    return this.run(async (client) => {
      // A cluster sends all of a pipeline where its first key is.
      const pipeline = client.pipeline().exists(this.keys.maintainer()).call(command, args);
      const [error, value] = (await pipeline.exec())?.[1] ?? [];
      if (error) throw error;
      return value;
    });
  }

  /** A connection to its server for one reader that blocks. */
  blocking(purpose: string): BlockingConnection {
    const { settings, clock } = this.#parts;
    const suffix = this.keys.shard === 0 ? "" : this.keys.shard;
    return new BlockingConnection(settings, `${purpose}${suffix}`, clock);
  }
}

export class Shards implements Disposable {
  /** By number. */
  readonly all: readonly Shard[];
  /** For what belongs to no shard. */
  readonly common: Commands;
  /** `WEIR_REDIS_CONNECTIONS_MAX`. */
  readonly connectionsMax: number;
  readonly #client: CommandClient;
  readonly #others: number;

  private constructor(client: CommandClient, tryMs: number, parts: ShardsParts) {
    this.#client = client;
    this.#others = parts.others;
    this.connectionsMax = parts.connectionsMax;
    const keys = Array.from(
      { length: parts.count },
      (_, shard) => new ShardKeys(shard, parts.count),
    );
    if (client instanceof Cluster) {
      this.all = keys.map((keys) =>
        new Shard(keys, nodeGuard(client, keys, { ...parts, tryMs }), parts)
      );
      this.common = newGuard(client, () => {}, { ...parts, tryMs });
    } else {
      const guard = newGuard(client, () => reconnect(client), { ...parts, tryMs });
      this.all = keys.map((keys) => new Shard(keys, guard, parts));
      this.common = guard;
    }
  }

  /**
   * @throws {BrokerUnavailable} where Redis cannot be reached
   * @throws {TooManyConnections} where the process would need more of them than it may have
   */
  static async open(parts: ShardsParts): Promise<Shards> {
    const { settings, callMs = settings.timeoutMs, connectionsMax, others } = parts;
    const timeoutMs = Math.min(callMs, settings.timeoutMs);
    const commands = { ...settings, timeoutMs };
    const client = await openCommands(commands, parts.log);
    const needed = connectionsOf(client) + others;
    if (needed > connectionsMax) {
      drop(client);
      throw new TooManyConnections(needed, connectionsMax);
    }
    return new Shards(client, tryMs(commands), parts);
  }

  /** Connections that this process needs, those besides included. */
  get connections(): number {
    return connectionsOf(this.#client) + this.#others;
  }

  /** One shard of each server that holds any: whom to ask what a server knows. */
  get onePerServer(): Shard[] {
    const client = this.#client;
    if (!(client instanceof Cluster)) return this.all.slice(0, 1);
    const servers = Map.groupBy(this.all, ({ keys }) => masterOf(client, keys));
    return [...servers.values()].map(([shard]) => shard!);
  }

  /** The shard of a job; undefined where the id names one that there is not. */
  of(id: JobId): Shard | undefined {
    return this.all[shardOf(id)];
  }

  [Symbol.dispose](): void {
    drop(this.#client);
  }
}

/** A cluster's client has one to each master, and one that hears of changes. */
function connectionsOf(client: CommandClient): number {
  return client instanceof Cluster ? client.nodes("master").length + 1 : 1;
}

type Patience = Pick<GuardParts, "tryMs" | "onCall" | "clock" | "log">;

function newGuard(
  client: CommandClient,
  replace: () => void,
  { tryMs, onCall, clock, log }: Patience,
  fields: LogFields = {},
): Guard {
  return new Guard({ client, tryMs, replace, onCall, clock, log, fields });
}

/** Address of the server that has a shard, as far as is known. */
function masterOf(client: Cluster, keys: ShardKeys): string | undefined {
  return client.slots[calculateSlot(keys.maintainer())]?.[0];
}

/** A cluster's servers fail one by one: each shard has a breaker of its own. */
function nodeGuard(client: Cluster, keys: ShardKeys, patience: Patience): Guard {
  const replace = () => {
    const master = masterOf(client, keys);
    const node = client.nodes().find(({ options: { host, port } }) => `${host}:${port}` === master);
    node?.disconnect();
  };
  return newGuard(client, replace, patience, { shard: keys.shard });
}
