/**
 * The composition root: role → settings → adapters → service.
 *
 * Alone touches the environment, arguments, signals and exit codes.
 *
 * @module
 */
import { Command } from "commander";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseEnv } from "node:util";
import project from "./deno.json" with { type: "json" };
import { faultsCommand } from "./faults/command.ts";
import type { FaultsOptions } from "./faults/mod.ts";
import type { GatewayParts } from "./gateway/mod.ts";
import { BrokerUnavailable } from "./shared/broker.ts";
import { systemClock } from "./shared/clock.ts";
import { type Config, parseConfig } from "./shared/config.ts";
import { type Log, openLog } from "./shared/log.ts";
import type { RedisSettings } from "./shared/redis/connection.ts";
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
  let file = "";
  try {
    file = Deno.readTextFileSync(join(root, ".env"));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return { ...parseEnv(file) as Record<string, string>, ...Deno.env.toObject() };
}

function readConfig(env: Readonly<Record<string, string>>): Config {
  const read = parseConfig(env);
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

/** Signals that come this close together are one: a terminal's and a parent's for the same key. */
const ONE_SIGNAL_MS = 200;

interface Stop {
  /** Aborts at the first signal: no new work. */
  readonly drain: AbortSignal;
  /** Aborts when draining took too long, or at the second signal. */
  readonly giveUp: AbortSignal;
}

/** Listens for SIGINT and SIGTERM; with a lifeline, the end of standard input is one too. */
function stopSignals(drainMs: number, lifeline: boolean, atOnce: () => void = () => {}): Stop {
  const drain = new AbortController();
  const giveUp = new AbortController();
  let first = -Infinity;
  const stop = () => {
    if (systemClock.now() - first < ONE_SIGNAL_MS) return;
    if (drain.signal.aborted) {
      giveUp.abort();
      return atOnce();
    }
    first = systemClock.now();
    drain.abort();
    systemClock.after(drainMs, () => giveUp.abort());
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  if (lifeline) {
    Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => {
      if (!drain.signal.aborted) stop();
    });
  }
  return { drain: drain.signal, giveUp: giveUp.signal };
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
const EXPECTED = new Set(["ModelError", "StartError", "AddrInUse", "DeploymentMismatch"]);

interface RoleOptions {
  readonly lifeline?: boolean;
}

interface Role extends Stop {
  readonly parts: GatewayParts & WorkerParts;
}

/** What gateway and worker have in common: settings, log, address of Redis, name, signals. */
function openRole(role: "gateway" | "worker", { lifeline = false }: RoleOptions): Role {
  const config = readConfig(readEnvironment());
  if (config.REDIS_URL === undefined) fail(`REDIS_URL is not set: ${role} needs a Redis`);
  const name = `${serverName(config)}-${crypto.randomUUID().slice(0, 8)}`;
  const redis: RedisSettings = {
    url: config.REDIS_URL,
    name: `weir:${role}:${name}`,
    timeoutMs: config.WEIR_REDIS_TIMEOUT_MS,
  };
  const parts = { config, redis, name, clock: systemClock, log: logOf(config, role) };
  return { parts, ...stopSignals(config.WEIR_DRAIN_MS, lifeline, () => Deno.exit(1)) };
}

function gateway(options: RoleOptions): Promise<never> {
  const { parts, drain, giveUp } = openRole("gateway", options);
  return run(async () => {
    const { runGateway } = await import("./gateway/mod.ts");
    await runGateway(parts, drain, giveUp);
  });
}

function worker(options: RoleOptions): Promise<never> {
  const { parts, drain, giveUp } = openRole("worker", options);
  return run(async () => {
    // TensorFlow talks about the processor at every start.
    Deno.env.set("TF_CPP_MIN_LOG_LEVEL", Deno.env.get("TF_CPP_MIN_LOG_LEVEL") ?? "2");
    const { runWorker } = await import("./worker/mod.ts");
    await runWorker(parts, drain, giveUp);
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

function startAll(options: { readonly workers?: string }): Promise<never> {
  const env = readEnvironment();
  if (options.workers !== undefined) env.WEIR_WORKERS = options.workers;
  const config = readConfig(env);
  const { drain, giveUp } = stopSignals(config.WEIR_DRAIN_MS, false);
  return run(async () => {
    const { start } = await import("./launch/start.ts");
    const redisServer = await setUp(env, [
      ...(config.REDIS_URL === undefined ? ["redisServer" as const] : []),
      ...(["auto", "tensorflow"].includes(config.WEIR_ENGINE) ? ["tensorflowAddon" as const] : []),
    ], drain);
    const log = logOf(config, "start");
    await start({ ...host, config, env, redisServer, log, complain }, drain, giveUp);
  });
}

function setUpAlone(): Promise<never> {
  const { drain } = stopSignals(0, false);
  return run(async () => {
    await setUp(Deno.env.toObject(), ["redisServer", "tensorflowAddon"], drain);
  });
}

/** What a client is told; a flag is undefined where its command has none, or it was not given. */
interface ClientOptions {
  readonly url: string;
  readonly json: boolean;
  readonly model: string | undefined;
  readonly top: string | undefined;
  readonly limit: string | undefined;
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Adds a command that asks a gateway; what its work returns is the exit code. */
function clientCommand(
  parent: Command,
  usage: string,
  work: (args: readonly string[], options: ClientOptions) => Promise<number>,
): Command {
  return parent.command(usage)
    .option("--url <url>", "the gateway", "http://127.0.0.1:8080")
    .option("--json", "print JSON", false)
    .action(async (...given) => {
      const command = given.at(-1) as Command;
      const { drain: signal } = stopSignals(0, false);
      const options = { ...command.opts<ClientOptions>(), write: say, signal };
      Deno.exit(await work(command.args, options));
    });
}

function testByFaults(options: FaultsOptions): Promise<never> {
  const env = Deno.env.toObject();
  const { drain } = stopSignals(0, false, () => Deno.exit(1));
  return run(async () => {
    const redisServer = (await setUp(env, ["redisServer"], drain))!;
    const { runFaults } = await import("./faults/mod.ts");
    const parts = { ...host, env, redisServer, terminal: process.stderr };
    Deno.exit(await runFaults(options, parts, drain));
  });
}

const program = new Command("weir")
  .description("Image inference behind HTTP, on Redis Streams")
  .showSuggestionAfterError()
  .configureHelp({ showGlobalOptions: false });

program.command("start")
  .description("everything in one: set-up, Redis, gateway, workers and a first photo")
  .option("--workers <n>", "worker processes (WEIR_WORKERS)")
  .action(startAll);
program.command("gateway")
  .description("the HTTP side alone; needs REDIS_URL")
  .option("--lifeline", "drain when standard input closes")
  .action(gateway);
program.command("worker")
  .description("the model's side alone; needs REDIS_URL")
  .option("--lifeline", "drain when standard input closes")
  .action(worker);
clientCommand(program, "classify <files...>", async (files, options) => {
  const { classify } = await import("./client/classify.ts");
  return await classify({ files, ...options });
})
  .description("a client: classifies photos and prints a table")
  .option("--model <name>", "the model, instead of the default one")
  .option("--top <k>", "predictions a photo");
const letters = () => import("./client/dead.ts");
const dead = program.command("dead")
  .description("a client: jobs that were given up, kept with their images");
clientCommand(dead, "list", async (_, options) => (await letters()).listDead(options))
  .description("shows the newest")
  .option("--model <name>", "of one model alone")
  .option("--limit <n>", "how many at most");
clientCommand(dead, "replay <ids...>", async (ids, to) => (await letters()).replayDead(ids, to))
  .description("makes a new job of each");
clientCommand(dead, "discard <ids...>", async (ids, to) => (await letters()).discardDead(ids, to))
  .description("throws them away, images included");
program.addCommand(faultsCommand(testByFaults));
program.command("setup")
  .description("set-up alone: redis-server and TensorFlow's native library")
  .action(setUpAlone);

await program.parseAsync(Deno.args, { from: "user" });
