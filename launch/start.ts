/**
 * `start`: everything in one. Starts what is needed as processes of their own, classifies a first
 * photo, and serves until it is told to stop.
 *
 * Owns the order: Redis, gateway and workers, self-check; and back: gateway, workers, Redis, so
 * that senders stop before receivers. Invariant: nothing that it started outlives it.
 *
 * @module
 */
import { join, relative } from "node:path";
import { baseUrl } from "../shared/base_url.ts";
import type { Clock } from "../shared/clock.ts";
import type { Config } from "../shared/config.ts";
import type { Log } from "../shared/log.ts";
import { untilAborted } from "../shared/or_aborted.ts";
import { Child } from "./child.ts";
import { takeDataFolder } from "./data_folder.ts";
import { EmbeddedRedis } from "./embedded_redis.ts";
import { checkPort } from "./port.ts";
import { type Asked, checkItself, type SelfCheck, untilOk } from "./self_check.ts";
import { StartError } from "./start_error.ts";

export interface StartParts {
  readonly config: Config;
  /** How many listen at the port. */
  readonly gateways: number;
  /** The models that the workers serve; all of the repository unless given. */
  readonly models?: readonly string[];
  /** The checkout. */
  readonly root: string;
  /** Program and arguments that run a role, least permissions included. */
  readonly roleCommand: (role: "gateway" | "worker") => readonly [string, ...string[]];
  /** Environment of the children, before the addresses that are settled here. */
  readonly env: Readonly<Record<string, string>>;
  /** Path of redis-server; unused with `REDIS_URL`. */
  readonly redisServer: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Prints a line for the person at the terminal. */
  readonly say: (line: string) => void;
  /** Prints a line on standard error. */
  readonly complain: (line: string) => void;
}

const SAMPLE = "fixtures/photos/star.jpg";

/**
 * Serves until `drain` aborts; then stops in order, or at once when `now` aborts.
 *
 * @throws {StartError} where it cannot start; by then nothing is left running
 */
export async function start(
  parts: StartParts,
  drain: AbortSignal,
  now: AbortSignal,
): Promise<void> {
  const { config, gateways, models, clock, log } = parts;
  const port = checkPort(config.WEIR_HOST, config.WEIR_PORT);
  await using stack = new AsyncDisposableStack();
  const redisUrl = config.REDIS_URL ?? await startRedis(parts, stack);
  const env = {
    ...parts.env,
    REDIS_URL: redisUrl,
    WEIR_PORT: String(port),
    WEIR_THREADS: String(config.WEIR_THREADS ?? threadsOfEach(config.WEIR_WORKERS)),
  };
  const spawn = (role: "gateway" | "worker", count: number, ...flags: string[]): Child[] => {
    const command = [...parts.roleCommand(role), ...flags] as const;
    const { complain } = parts;
    const children: Child[] = [];
    stack.defer(async () => void await Promise.all(children.map((child) => child.stop(now))));
    while (children.length < count) {
      const number = children.length;
      const name = `${role} ${number + 1}`;
      const own = {
        // As spans name their process, unless somebody has named it already.
        OTEL_SERVICE_NAME: `weir-${role}`,
        ...env,
        ...metricsPort(config, number),
      };
      children.push(new Child({ name, command, env: own, complain, clock, log }));
    }
    return children;
  };
  const children = [
    ...spawn("worker", config.WEIR_WORKERS, ...(models ? ["--models", models.join()] : [])),
    ...spawn("gateway", gateways, ...(gateways > 1 ? ["--share-port"] : [])),
  ];

  const url = baseUrl(config.WEIR_HOST, port);
  const { WEIR_API_KEY: key, WEIR_API_KEYS_FILE: keys } = config;
  const asked = { url, key, model: models?.[0] };
  await ready(asked, readyPath(parts), children, clock, drain);
  if (drain.aborted) return;
  for (const child of children) child.keepAlive();
  if (config.WEIR_WORKERS === 0) {
    parts.say(`Weir serves at ${url}, without workers of its own`);
  } else if (keys !== undefined && key === undefined) {
    parts.say(`Weir serves at ${url}; no first photo was tried, as WEIR_API_KEY is not set`);
  } else {
    banner(parts, url, await checkItself(asked, join(parts.root, SAMPLE), clock));
  }
  await untilAborted(drain);
}

/** Workers cannot share a port: each has its own, from the one that is set on. */
function metricsPort(
  { WEIR_METRICS_PORT: first }: Config,
  worker: number,
): Readonly<Record<string, string>> {
  return first === undefined || first === 0 ? {} : { WEIR_METRICS_PORT: String(first + worker) };
}

/** Workers that each took all cores would only get into one another's way. */
function threadsOfEach(workers: number): number {
  return Math.max(1, Math.floor(navigator.hardwareConcurrency / Math.max(1, workers)));
}

async function startRedis(
  { config, redisServer, clock, log }: StartParts,
  stack: AsyncDisposableStack,
): Promise<string> {
  if (redisServer === undefined) throw new StartError("redis-server is missing");
  const folder = stack.use(await takeDataFolder(config.WEIR_DATA_DIR));
  const redis = await EmbeddedRedis.start(
    { executable: redisServer, folder: folder.path },
    { clock, log },
  );
  stack.use(redis);
  log.info("embedded redis ready", { folder: folder.path, appendonly: "everysec" });
  return redis.url;
}

/** What tells that all is ready. Of another model than the default one, only who may ask is told. */
function readyPath({ config, models }: StartParts): string {
  const { WEIR_WORKERS: workers, WEIR_API_KEY: key, WEIR_API_KEYS_FILE: keys } = config;
  if (workers === 0) return "/healthz";
  if (models === undefined) return "/readyz";
  return keys !== undefined && key === undefined ? "/healthz" : `/v2/models/${models[0]}/ready`;
}

/** Waits for readiness; a child that ends before is a failure. */
async function ready(
  asked: Asked,
  path: string,
  children: readonly Child[],
  clock: Clock,
  drain: AbortSignal,
): Promise<void> {
  const waiting = new AbortController();
  const signal = AbortSignal.any([waiting.signal, drain]);
  const ended = children.map(async (child) => {
    const code = await child.firstEnd;
    if (!signal.aborted) throw new StartError(child.complaint(code));
  });
  try {
    await Promise.race([untilOk(asked, path, clock, signal), Promise.all(ended).then(() => {})]);
  } finally {
    waiting.abort();
    // Later ends are the children's own business.
    Promise.allSettled(ended);
  }
}

const BUILT_IN_MODEL = "shapes";

/** Labels that are named in the banner at most. */
const LABELS_SHOWN_MAX = 20;

function banner({ config, root, say }: StartParts, url: string, check: SelfCheck): void {
  const { model, answer, ms } = check;
  const shown = model.labels.slice(0, LABELS_SHOWN_MAX).join(" · ");
  const more = model.labels.length - LABELS_SHOWN_MAX;
  const sample = relative(Deno.cwd(), join(root, SAMPLE)) || SAMPLE;
  say("");
  say(
    `  ${SAMPLE}: ${answer} ` +
      `(model ${model.name}, engine ${model.engine}, ${Math.round(ms)} ms)`,
  );
  say("");
  say(`  Weir serves at ${url}  (a page to try it; Ctrl-C stops)`);
  say(`  What it is doing: ${url}/dashboard`);
  say("");
  const keys = config.WEIR_API_KEYS_FILE !== undefined;
  const key = keys ? ' -H "Authorization: Bearer $WEIR_API_KEY"' : "";
  say(`    curl${key} -F image=@${sample} ${url}/predict`);
  say("");
  if (shown !== "") {
    say(`  Classes of ${model.name}: ${shown}${more > 0 ? ` · … ${more} more` : ""}`);
  }
  if (model.name === BUILT_IN_MODEL) {
    say("  A model of your own: deno task model add, see docs/model_owners.md");
  }
  say("");
}
