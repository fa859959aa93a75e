/**
 * The Weir of a run: a Redis, gateways and workers, each process behind a proxy of its own.
 *
 * Owns them all. Invariant: disposing leaves no process and no port behind.
 *
 * @module
 */
import { join } from "node:path";
import type { Clock } from "../shared/clock.ts";
import type { History } from "./history.ts";
import { LiveRedis } from "./live_redis.ts";
import { Proxy } from "./proxy.ts";
import { RoleProcess, StartError } from "./role_process.ts";

export interface FleetParts {
  readonly gateways: number;
  readonly workers: number;
  /** Program and arguments that run a role, with the permissions of its task. */
  readonly roleCommand: (role: "gateway" | "worker") => readonly [string, ...string[]];
  /** Environment of the processes, settings included. */
  readonly env: Readonly<Record<string, string>>;
  /** The checkout. */
  readonly root: string;
  /** Path of redis-server. */
  readonly redisServer: string;
  /** Takes Redis' data and what the processes print. */
  readonly folder: string;
  readonly history: History;
  readonly clock: Clock;
}

/** A process with the network between it and Redis. */
export interface Member {
  readonly process: RoleProcess;
  readonly proxy: Proxy;
}

/** Far longer than any process takes to start. */
const READY_MAX_MS = 60_000;

export class Fleet implements AsyncDisposable {
  readonly redis: LiveRedis;
  readonly gateways: readonly Member[];
  readonly workers: readonly Member[];
  readonly #clock: Clock;
  readonly #owned: AsyncDisposableStack;

  private constructor(redis: LiveRedis, parts: FleetParts, owned: AsyncDisposableStack) {
    this.redis = redis;
    this.#clock = parts.clock;
    this.#owned = owned;
    const { gateways, workers, clock, folder } = parts;
    const members = (role: "gateway" | "worker", count: number): Member[] =>
      Array.from({ length: count }, (_, i) => {
        const name = `${role}${i + 1}`;
        const proxy = owned.use(new Proxy({ upstreamPort: redis.port, clock }));
        const url = `redis://:${redis.password}@127.0.0.1:${proxy.port}`;
        const process = new RoleProcess({
          ...parts,
          name,
          role,
          command: parts.roleCommand(role),
          env: { ...parts.env, REDIS_URL: url, WEIR_NAME: name },
          logFile: join(folder, `${name}.log`),
        });
        return { process: owned.use(process), proxy };
      });
    this.workers = members("worker", workers);
    this.gateways = members("gateway", gateways);
  }

  /** Starts all. */
  static async start(parts: FleetParts): Promise<Fleet> {
    await using owned = new AsyncDisposableStack();
    const { redisServer, folder, clock } = parts;
    const data = join(folder, "redis");
    await Deno.mkdir(data);
    const redis = owned.use(
      await LiveRedis.start({ executable: redisServer, folder: data, clock }),
    );
    return new Fleet(redis, parts, owned.move());
  }

  get members(): readonly Member[] {
    return [...this.gateways, ...this.workers];
  }

  /**
   * Waits until every process serves.
   *
   * @throws {StartError} where one does not start, or not in time
   */
  async ready(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const cancel = this.#clock.after(READY_MAX_MS, () => {
      const names = this.members.map(({ process }) => process)
        .filter(({ identity }) => identity === undefined).map(({ name }) => name);
      late.reject(new StartError(`starting ${names.join(", ")}: not ready in ${READY_MAX_MS} ms`));
    });
    const ready = Promise.all(this.members.map(({ process }) => process.ready()));
    await Promise.race([ready, late.promise]).finally(cancel);
  }

  /**
   * Asks all to drain, senders before receivers.
   *
   * @returns exit codes that are not 0, by the process' name
   */
  async drain(): Promise<Map<string, number>> {
    const codes = new Map<string, number>();
    for (const members of [this.gateways, this.workers]) {
      for (const { name, code } of await Promise.all(members.map(drained))) {
        if (code !== 0) codes.set(name, code);
      }
    }
    return codes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

async function drained({ process }: Member): Promise<{ name: string; code: number }> {
  return { name: process.name, code: await process.stop() };
}
