/**
 * The processes under measurement, and what they cost while something is done.
 *
 * Owns how Weir's own roles are started for bench, with the permissions of their tasks.
 *
 * @module
 */
import { Child, type Cost } from "./child.ts";
import type { BenchParts } from "./parts.ts";
import type { BenchRedis, RedisCounters } from "./redis.ts";

/** Settings of every Weir that is measured; the rest are the defaults. */
const SETTINGS = { WEIR_PORT: "0", WEIR_LOG_LEVEL: "info", WEIR_QUEUE_JOBS_MAX: "100000" };

const READY = { gateway: /gateway ready url=(\S+)/, worker: /worker ready name=(\S+)/ } as const;

/** A system that answers `POST /predict`: its processes, and where it listens. */
export class System implements AsyncDisposable {
  readonly name: string;
  readonly children: readonly Child[];
  /** Addresses of its gateways, once it serves. */
  readonly urls: readonly string[];

  private constructor(name: string, children: readonly Child[], urls: readonly string[]) {
    this.name = name;
    this.children = children;
    this.urls = urls;
  }

  /**
   * Waits until all of it serves; ends all of it where something does not.
   *
   * @param urls of the gateways, where they do not tell them by themselves
   */
  static async of(
    name: string,
    gateways: readonly Child[],
    workers: readonly Child[],
    urls?: readonly string[],
  ): Promise<System> {
    const children = [...gateways, ...workers];
    try {
      const told = await Promise.all(gateways.map(({ identity }) => identity));
      await Promise.all(workers.map(({ identity }) => identity));
      return new System(name, children, urls ?? told);
    } catch (error) {
      for (const child of children) await child[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What all its processes have cost so far; undefined where the system does not tell. */
  async cost(): Promise<Cost | undefined> {
    const costs = await Promise.all(this.children.map((child) => child.cost()));
    if (costs.some((cost) => cost === undefined)) return undefined;
    return {
      cpuSeconds: costs.reduce((sum, cost) => sum + cost!.cpuSeconds, 0),
      rssBytes: costs.reduce((sum, cost) => sum + cost!.rssBytes, 0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.children.map((child) => child[Symbol.asyncDispose]()));
  }
}

export interface WeirOptions {
  readonly gateways?: number;
  readonly workers?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Takes each line that its processes print. */
  readonly onLine?: (line: string) => void;
}

/** Starts Weir. */
export function startWeir(
  { roleCommand, root, clock, env: inherited }: BenchParts,
  redis: BenchRedis,
  { gateways = 1, workers = 1, env = {}, onLine }: WeirOptions = {},
): Promise<System> {
  const start = (role: "gateway" | "worker") =>
    new Child({
      name: `weir ${role}`,
      command: roleCommand(role),
      env: { ...inherited, ...SETTINGS, REDIS_URL: redis.url, ...env },
      folder: root,
      ready: READY[role],
      ...(onLine !== undefined && { onLine }),
      clock,
    });
  return System.of(
    "weir",
    Array.from({ length: gateways }, () => start("gateway")),
    Array.from({ length: workers }, () => start("worker")),
  );
}

/** What passed between two looks at the counters. */
export interface Spent {
  readonly commands: number;
  readonly redisCpuSeconds: number;
  readonly bytes: number;
  /** Processor time of the system's own processes; undefined where it is not told. */
  readonly cpuSeconds: number | undefined;
}

/** Does something, and tells what it has cost Redis and the system. */
export async function spending<T>(
  redis: BenchRedis,
  system: System,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly spent: Spent }> {
  const [before, costBefore] = [await redis.counters(), await system.cost()];
  const result = await work();
  const [after, costAfter] = [await redis.counters(), await system.cost()];
  return { result, spent: { ...between(before, after), cpuSeconds: less(costAfter, costBefore) } };
}

function between(before: RedisCounters, after: RedisCounters): Omit<Spent, "cpuSeconds"> {
  return {
    commands: after.commands - before.commands,
    redisCpuSeconds: after.cpuSeconds - before.cpuSeconds,
    bytes: after.bytesIn + after.bytesOut - before.bytesIn - before.bytesOut,
  };
}

function less(after: Cost | undefined, before: Cost | undefined): number | undefined {
  return after && before && after.cpuSeconds - before.cpuSeconds;
}
