/**
 * The systems that Weir is compared with, each answering `POST /predict` as Weir does.
 *
 * @module
 */
import { join } from "node:path";
import type { Python } from "../setup/python.ts";
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
  const settings = { DELAY_MS: String(delayMs), WAITS: waits };
  const start = (role: string) => denoChild(parts, redis, { folder: "polling", role, settings });
  return System.of(
    waits,
    Array.from({ length: gateways }, () => start("gateway")),
    Array.from({ length: workers }, () => start("worker")),
  );
}

/** The same way through Redis as Weir's, with nothing around it: what no system can go below. */
export function startStreams(parts: BenchParts, redis: BenchRedis): Promise<System> {
  const start = (role: string) => denoChild(parts, redis, { folder: "streams", role });
  return System.of("streams alone", [start("gateway")], [start("worker")]);
}

function denoChild(
  parts: BenchParts,
  redis: BenchRedis,
  { folder, role, settings = {} }: {
    readonly folder: string;
    readonly role: string;
    readonly settings?: Readonly<Record<string, string>>;
  },
): Child {
  return new Child({
    name: `${folder} ${role}`,
    command: [
      Deno.execPath(),
      ...["run", "--no-prompt", "--allow-env", "--allow-net"],
      join(parts.root, "bench", folder, `${role}.ts`),
    ],
    env: { ...parts.env, ...settings, REDIS_URL: redis.url },
    folder: parts.root,
    ready: READY,
    clock: parts.clock,
  });
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

export interface MosecOptions {
  readonly python: Python & { readonly ok: true };
  /** Path of an ONNX file whose input has channels last. */
  readonly model: string;
  /** Side of its square input. */
  readonly side: number;
}

/** mosec, with Pillow and ONNX Runtime: a process a core that decodes, one that runs the model. */
export function startMosec(
  parts: BenchParts,
  { python: { executable, env }, model, side }: MosecOptions,
): Promise<System> {
  const port = freePort();
  const flags = ["--address", "127.0.0.1", "--port", String(port), "--timeout", "60000"];
  const child = new Child({
    name: "mosec",
    command: [executable, join(parts.root, "bench", "mosec", "server.py"), ...flags],
    env: {
      ...parts.env,
      ...env,
      // Where it looks for its program: pip would have put that beside a user's packages.
      PYTHONUSERBASE: env.PYTHONPATH!,
      MODEL: model,
      SIDE: String(side),
    },
    folder: parts.root,
    ready: /"message":"(http service) is running"/,
    clock: parts.clock,
  });
  return System.of("mosec", [child], [], [`http://127.0.0.1:${port}`]);
}

/** mosec cannot be told to pick one. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
