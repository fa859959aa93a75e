/**
 * The composition root: role → settings → adapters → service.
 *
 * Alone touches the environment, arguments, signals and exit codes.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseEnv } from "node:util";
import project from "./deno.json" with { type: "json" };
import type { BenchParts } from "./bench/parts.ts";
import type { RunClient } from "./client/command.ts";
import { commandLine, type RoleOptions } from "./commands.ts";
import type { KeyFields } from "./gateway/keys/command.ts";
import { tellNewKey } from "./gateway/keys/new_key.ts";
import type { GatewayParts } from "./gateway/mod.ts";
import type { StartOptions } from "./launch/command.ts";
import type { RunModel } from "./models/command.ts";
import { BrokerUnavailable } from "./shared/broker.ts";
import { systemClock } from "./shared/clock.ts";
import { type Config, parseConfig } from "./shared/config.ts";
import { type Log, openLog } from "./shared/log.ts";
import { shedPermissions } from "./shared/permissions.ts";
import type { RedisSettings } from "./shared/redis/connection.ts";
import { type Stop, StopSwitch, type StopSwitchParts } from "./shared/stop.ts";
import { Tracing } from "./shared/tracing.ts";
import type { WorkerParts } from "./worker/mod.ts";

const root = import.meta.dirname!;

/** A process that cannot do its work says why in one line and exits with 1. */
function fail(message: string): never {
  complain(`weir: ${message}`);
  Deno.exit(1);
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** `.env` beside the project, overridden by the environment. */
function readEnvironment(): Record<string, string> {
  const file = join(root, ".env");
  const text = existsSync(file) ? Deno.readTextFileSync(file) : "";
  return { ...parseEnv(text) as Record<string, string>, ...Deno.env.toObject() };
}

function readConfig(env: Readonly<Record<string, string>>, forClients = false): Config {
  const read = parseConfig(env, { forClients });
  if (read.ok) return read.config;
  return fail(`settings are wrong\n${read.faults.map((fault) => `  ${fault}`).join("\n")}`);
}

function serverName(config: Config): string {
  return config.WEIR_NAME ?? hostname().replaceAll(/[^A-Za-z0-9._-]/g, "-");
}

function logOf(config: Config, role: string): Log {
  return openLog({
    level: config.WEIR_LOG_LEVEL,
    format: config.WEIR_LOG_FORMAT,
    server: serverName(config),
    script: `main.ts:${role}`,
    write: say,
  });
}

type SignalParts = Omit<StopSwitchParts, "clock"> & { readonly lifeline?: boolean };

/** Listens for SIGINT and SIGTERM; with a lifeline, the end of standard input is one too. */
function stopSignals({ lifeline = false, ...parts }: SignalParts): Stop {
  const stop = new StopSwitch({ ...parts, clock: systemClock });
  Deno.addSignalListener("SIGINT", () => stop.signal());
  Deno.addSignalListener("SIGTERM", () => stop.signal());
  if (lifeline) Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => stop.orphaned());
  return stop;
}

/** Calls back at each SIGHUP, which Windows does not have. */
function onHangup(call: () => void): void {
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGHUP", call);
}

/** Runs a role to its end and exits: 0 when drained, 1 with a sentence when it cannot serve. */
async function run(work: () => Promise<void>): Promise<never> {
  try {
    await work();
  } catch (error) {
    if (EXPECTED.has((error as Error).name)) fail((error as Error).message);
    if (error instanceof BrokerUnavailable) fail(`redis cannot be used: ${error.message}`);
    throw error;
  }
  Deno.exit(0);
}

/** Errors whose message is meant for the person who started us. */
const EXPECTED = new Set([
  "ModelError",
  "StartError",
  "ListenError",
  "KeysFileError",
  "DeploymentMismatch",
  "TooManyConnections",
  "BenchError",
]);

type Role = { readonly parts: GatewayParts & WorkerParts; readonly stop: Stop };

/** What gateway and worker have in common: settings, log, address of Redis, name, signals. */
function openRole(role: "gateway" | "worker", { lifeline = false }: RoleOptions): Role {
  const config = readConfig(readEnvironment(), role === "gateway");
  if (config.REDIS_URL === undefined) fail(`REDIS_URL is not set: ${role} needs a Redis`);
  const name = `${serverName(config)}-${crypto.randomUUID().slice(0, 8)}`;
  const redis: RedisSettings = {
    url: config.REDIS_URL,
    name: `weir:${role}:${name}`,
    timeoutMs: config.WEIR_REDIS_TIMEOUT_MS,
  };
  const [clock, tracing, log] = [systemClock, new Tracing(systemClock), logOf(config, role)];
  const parts = { config, redis, name, tracing, clock, log };
  const delayMs = role === "gateway" ? config.WEIR_DRAIN_DELAY_MS : 0;
  const times = { drainMs: config.WEIR_DRAIN_MS, delayMs };
  return { parts, stop: stopSignals({ ...times, lifeline, atOnce: () => Deno.exit(1) }) };
}

function gateway({ sharePort = false, ...options }: RoleOptions): Promise<never> {
  const { parts, stop } = openRole("gateway", options);
  return run(async () => {
    const { runGateway } = await import("./gateway/mod.ts");
    await runGateway({ ...parts, sharePort }, stop);
  });
}

function worker({ models, ...options }: RoleOptions): Promise<never> {
  const { parts, stop } = openRole("worker", options);
  return run(async () => {
    const { prepareLibraries, runWorker } = await import("./worker/mod.ts");
    prepareLibraries(parts.config, Deno.env);
    await runWorker({ ...parts, models, shed: shedPermissions, onHangup }, stop.drain, stop.giveUp);
  });
}

/** Provides what is missing; undefined where nothing is known of redis-server. */
async function setUp(
  env: Readonly<Record<string, string>>,
  parts: readonly ("redisServer" | "tensorflowAddon")[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const setup = await import("./setup/mod.ts");
  const { redisServer, tensorflowAddon } = await setup.setUp({
    root,
    env,
    progress: setup.terminalProgress(process.stderr),
    clock: systemClock,
    parts: new Set(parts),
    signal,
  });
  if (tensorflowAddon?.state === "missing") {
    say(
      `TensorFlow's native library is missing, WebAssembly runs the models: ${tensorflowAddon.reason}`,
    );
  }
  if (redisServer?.state === "missing") fail(redisServer.reason);
  return redisServer?.path;
}

/** Program and arguments of a role, with the permissions that its task has. */
function roleCommand(role: "gateway" | "worker"): readonly [string, ...string[]] {
  const [, ...args] = project.tasks[role].command.split(" ");
  return [
    Deno.execPath(),
    ...args.map((arg) => arg === "main.ts" ? join(root, arg) : arg),
    "--lifeline",
  ];
}

/** What whoever starts roles has to know of them and of this process. */
const host = { root, roleCommand, clock: systemClock, say };

/** What a worker gets beyond its time to drain, to hand back what it could not do. */
const HAND_BACK_MS = 2000;

function startAll({ workers, ...options }: StartOptions): Promise<never> {
  const env = readEnvironment();
  if (workers !== undefined) env.WEIR_WORKERS = workers;
  const config = readConfig(env, true);
  const { WEIR_DRAIN_DELAY_MS: delayMs, WEIR_DRAIN_MS: drainMs } = config;
  const { drain, giveUp } = stopSignals({ drainMs: delayMs + drainMs + HAND_BACK_MS });
  return run(async () => {
    const { start } = await import("./launch/start.ts");
    const redisServer = await setUp(env, [
      ...(config.REDIS_URL === undefined ? ["redisServer" as const] : []),
      ...(["auto", "tensorflow"].includes(config.WEIR_ENGINE) ? ["tensorflowAddon" as const] : []),
    ], drain);
    const log = logOf(config, "start");
    await start({ ...host, ...options, config, env, redisServer, log, complain }, drain, giveUp);
  });
}

function setUpAlone(): Promise<never> {
  const { drain } = stopSignals({ drainMs: 0 });
  const all = ["redisServer", "tensorflowAddon"] as const;
  return run(async () => void await setUp(Deno.env.toObject(), all, drain));
}

const runClient: RunClient = (work) => {
  const { drain: signal } = stopSignals({ drainMs: 0 });
  const key = readEnvironment().WEIR_API_KEY || undefined;
  return run(async () => Deno.exit(await work({ write: say, signal, key })));
};

function newKey(fields: KeyFields): Promise<never> {
  const { WEIR_API_KEYS_FILE: file } = readConfig(readEnvironment());
  return run(() => tellNewKey(fields, { file, say, complain }));
}

const runModel: RunModel = (work) => {
  const config = readConfig(readEnvironment());
  const { drain: signal } = stopSignals({ drainMs: 0, atOnce: () => Deno.exit(1) });
  return run(async () => {
    const { prepareLibraries } = await import("./worker/engines/libraries.ts");
    prepareLibraries(config, Deno.env);
    const parts = { config, clock: systemClock, write: say, terminal: process.stderr, signal };
    Deno.exit(await work(parts));
  });
};

/** What a program has that puts load on processes of its own. */
type HarnessParts = Omit<BenchParts, "rounds">;

/** Runs such a program to its end; what its work returns is the exit code. */
function harness(
  needed: Parameters<typeof setUp>[1],
  work: (parts: HarnessParts, signal: AbortSignal) => Promise<number>,
): Promise<never> {
  const env = Deno.env.toObject();
  const { drain } = stopSignals({ drainMs: 0, atOnce: () => Deno.exit(1) });
  return run(async () => {
    const redisServer = (await setUp(env, needed, drain))!;
    Deno.exit(await work({ ...host, env, redisServer, terminal: process.stderr }, drain));
  });
}

const program = commandLine({
  start: startAll,
  gateway,
  worker,
  client: runClient,
  key: newKey,
  model: runModel,
  bench: (options) =>
    harness(["redisServer", "tensorflowAddon"], async (parts, signal) => {
      const { runBench } = await import("./bench/mod.ts");
      return await runBench(options, { ...parts, rounds: options.rounds }, signal);
    }),
  faults: (options) =>
    harness(["redisServer"], async (parts, signal) => {
      const { runFaults } = await import("./faults/mod.ts");
      return await runFaults(options, parts, signal);
    }),
  fuzz: (options) =>
    harness(["redisServer"], async (parts, signal) => {
      const { runFuzz } = await import("./faults/fuzz/mod.ts");
      return await runFuzz(options, parts, signal);
    }),
  setup: setUpAlone,
});

await program.parseAsync(Deno.args, { from: "user" });
