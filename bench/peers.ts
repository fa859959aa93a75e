/**
 * The systems that Weir is compared with, each answering `POST /predict` as Weir does.
 *
 * @module
 */
import { join } from "node:path";
import { Child } from "./child.ts";
import { nodeFolder } from "./load.ts";
import type { BenchParts } from "./parts.ts";
import type { BenchRedis } from "./redis.ts";
import { System } from "./system.ts";

/** Jobs that BullMQ's worker has under way at once. */
export const BULLMQ_CONCURRENCY = 64;

const READY = /ready (?:url|name)=(\S+)/;

/** BullMQ behind Hono on Node: one gateway, one worker. */
export function startBullMq(parts: BenchParts, redis: BenchRedis): Promise<System> {
  const start = (role: string) =>
    new Child({
      name: `bullmq ${role}`,
      command: ["node", `bullmq_${role}.mjs`],
      env: { ...parts.env, REDIS_URL: redis.url, CONCURRENCY: String(BULLMQ_CONCURRENCY) },
      folder: nodeFolder(parts),
      ready: READY,
      clock: parts.clock,
    });
  return System.of("bullmq", [start("gateway")], [start("worker")]);
}

/** How a gateway of the polling design waits: see `polling/answers.ts`. */
export type Waits = "polling" | "keyspace" | "pubsub";

export interface PollingOptions {
  /** `polling` unless given. */
  readonly waits?: Waits;
  /** Time that the worker takes for each photo; none unless given. */
  readonly delayMs?: number;
  /** One of each unless given. */
  readonly gateways?: number;
  readonly workers?: number;
}

/** The polling design, or one of the ways around polling. */
export function startPolling(
  parts: BenchParts,
  redis: BenchRedis,
  { waits = "polling", delayMs = 0, gateways = 1, workers = 1 }: PollingOptions = {},
): Promise<System> {
  const start = (role: string) =>
    new Child({
      name: `${waits} ${role}`,
      command: [
        Deno.execPath(),
        ...["run", "--no-prompt", "--allow-env", "--allow-net"],
        join(parts.root, "bench", "polling", `${role}.ts`),
      ],
      env: { ...parts.env, REDIS_URL: redis.url, DELAY_MS: String(delayMs), WAITS: waits },
      folder: parts.root,
      ready: READY,
      clock: parts.clock,
    });
  return System.of(
    waits,
    Array.from({ length: gateways }, () => start("gateway")),
    Array.from({ length: workers }, () => start("worker")),
  );
}

export interface PollingModelOptions {
  /** Folder of models, of which the default one is run. */
  readonly repository: string;
  readonly engine: string;
  /** Whether the worker sleeps after each batch, as in the usual example, or only without work. */
  readonly sleeps: "always" | "idle";
}

/** The polling design with a model: its gateway decodes photos, its worker runs one at a time. */
export function startPollingModel(
  parts: BenchParts,
  redis: BenchRedis,
  { repository, engine, sleeps }: PollingModelOptions,
): Promise<System> {
  const name = `polling, sleeps ${sleeps === "always" ? "after each" : "without work"}`;
  const start = (role: string) =>
    new Child({
      name: `polling ${role}`,
      command: [
        Deno.execPath(),
        ...["run", "--no-prompt", "--allow-env", "--allow-net", "--allow-read", "--allow-ffi"],
        ...["--allow-sys", join(parts.root, "bench", "polling", `model_${role}.ts`)],
        ...[repository, engine, sleeps],
      ],
      env: { ...parts.env, REDIS_URL: redis.url },
      folder: parts.root,
      ready: READY,
      clock: parts.clock,
    });
  return System.of(name, [start("gateway")], [start("worker")]);
}
