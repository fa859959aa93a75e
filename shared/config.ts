/**
 * Every setting: its name, its default, what it means and what it may be.
 *
 * Owns the list that `.env.example` and the README are checked against. Pure: takes a map of
 * texts, returns the settings or all their faults at once. Never reads the environment.
 *
 * @module
 */
import { closest } from "fastest-levenshtein";
import { z } from "zod";
import { ANSWERS_BYTES_MAX, TIMEOUT_MAX_MS } from "./job.ts";
import { LOG_LEVELS } from "./log.ts";
import { isLoopback } from "./loopback.ts";
import { ADDRESS_FORMS, parseRedisAddress } from "./redis/address.ts";

/** Longest time of a setting, about 8 days: the sum of three still fits a timer. */
const MS_MAX = 715_827_882;

/** A whole number within bounds, out of a text. */
function int(min: number, max: number): z.ZodType<number, string> {
  return z.string().regex(/^-?\d+$/, "is not a whole number").transform(Number).pipe(
    z.number().min(min, `is below ${min}`).max(max, `is above ${max}`),
  );
}

const ms = int(1, MS_MAX);
const msOrZero = int(0, MS_MAX);
const size = int(1, Number.MAX_SAFE_INTEGER);

function oneOf<const T extends readonly string[]>(...names: T): z.ZodType<T[number], string> {
  return z.enum(names, `is not one of ${names.join(", ")}`) as unknown as z.ZodType<
    T[number],
    string
  >;
}

const RedisUrl = z.string().refine(
  (text) => parseRedisAddress(text) !== undefined,
  `is not a ${ADDRESS_FORMS} address`,
);

/** Origins with commas between, or `none`. */
const origins = z.string().transform((text) => text === "none" ? [] : text.split(",")).pipe(
  z.array(
    z.string().refine(
      (text) => URL.parse(text)?.origin === text,
      "has an entry that is not an origin",
    ),
  ),
) as unknown as z.ZodType<string[], string>;

const Host: z.ZodType<string, string> = z.union([z.ipv6(), z.hostname()], {
  error: "is neither an address nor a host name",
});

const Name = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "may have only letters, digits and . _ -");

/** One setting. `default` is the text that stands for an unset variable. */
interface Setting<T> {
  readonly schema: z.ZodType<T, string>;
  readonly default: string | undefined;
  readonly about: string;
}

function setting<T>(schema: z.ZodType<T, string>, about: string, value: string): Setting<T>;
function setting<T>(schema: z.ZodType<T, string>, about: string): Setting<T | undefined>;
function setting<T>(
  schema: z.ZodType<T, string>,
  about: string,
  value?: string,
): Setting<T | undefined> {
  return { schema, default: value, about };
}

/** The settings by their names, in the order of the documentation. */
export const SETTINGS = {
  REDIS_URL: setting(
    RedisUrl,
    "redis://, rediss://, redis-sentinel:// or redis-cluster:// address; unset: an embedded Redis",
  ),
  WEIR_HOST: setting(
    Host,
    "address the gateway listens on; any other than loopback needs WEIR_API_KEYS_FILE",
    "127.0.0.1",
  ),
  WEIR_PORT: setting(int(0, 65535), "the gateway's port; 0 picks one and prints it", "8080"),
  WEIR_DATA_DIR: setting(
    z.string().min(1),
    "folder for the embedded Redis' data and for unfinished downloads of models",
    ".weir",
  ),
  WEIR_NAME: setting(Name, "server name in the log and in consumer names; unset: the host name"),
  WEIR_MODELS: setting(z.string().min(1), "model repository", "fixtures/models"),
  WEIR_ENGINE: setting(
    oneOf("auto", "tensorflow", "wasm", "onnx", "null"),
    "what runs the models: auto, tensorflow, wasm, onnx; null gives empty answers, for benchmarks",
    "auto",
  ),
  WEIR_NULL_DELAY_MS: setting(msOrZero, "time the null engine takes for each job", "0"),
  WEIR_WORKERS: setting(int(0, 256), "worker processes that `start` runs", "1"),
  WEIR_BATCH_MAX: setting(int(1, 1024), "most images in one batch", "32"),
  WEIR_BATCH_LINGER_MS: setting(int(0, 10_000), "how long to wait for a fuller batch", "0"),
  WEIR_THREADS: setting(
    int(1, 1024),
    "threads for decoding in a worker, and as many again for its models; unset: its share of the cores",
  ),
  WEIR_BODY_BYTES_MAX: setting(size, "larger request bodies are refused", "10485760"),
  WEIR_PIXELS_MAX: setting(
    size,
    "images with more pixels are refused, judged by their header",
    "50000000",
  ),
  WEIR_OUTPUT_BYTES_MAX: setting(
    int(1, ANSWERS_BYTES_MAX),
    "a model whose answer for one image has more bytes of numbers is not served",
    "262144",
  ),
  WEIR_QUEUE_BYTES_MAX: setting(size, "image bytes that one model's queue may hold", "268435456"),
  WEIR_QUEUE_JOBS_MAX: setting(size, "jobs that one model's queue may hold", "10000"),
  WEIR_QUEUE_WAIT_MAX_MS: setting(
    ms,
    "a request that waits for its answer is refused if its estimated wait is longer; unset: its deadline",
  ),
  WEIR_INFER_TIMEOUT_MS: setting(ms, "a batch that takes longer ends the worker process", "60000"),
  WEIR_ATTEMPTS_MAX: setting(int(1, 1000), "attempts before a job becomes a dead letter", "3"),
  WEIR_CLAIM_IDLE_MS: setting(
    int(100, MS_MAX),
    "a worker's silence after which another takes over its jobs",
    "30000",
  ),
  WEIR_REDIS_TIMEOUT_MS: setting(ms, "time limit for connecting and for each command", "5000"),
  WEIR_REDIS_HEALTH_MS: setting(ms, "how often a silent connection is checked", "30000"),
  WEIR_REDIS_CONNECTIONS_MAX: setting(int(1, 10_000), "most connections of one process", "8"),
  WEIR_REDIS_WAIT_REPLICAS: setting(
    int(0, 100),
    "replicas that must have a job before it counts as accepted",
    "0",
  ),
  WEIR_SHARDS: setting(int(1, 256), "streams a model is spread over", "1"),
  WEIR_METRICS_PORT: setting(
    int(0, 65535),
    "a worker's port for /metrics, /healthz and /readyz; further workers of `start` get the next ones; 0 picks one; unset: none",
  ),
  WEIR_TIMEOUT_MS: setting(
    int(1, TIMEOUT_MAX_MS),
    "a job's deadline if the client names none",
    "30000",
  ),
  WEIR_RESULT_TTL_MS: setting(ms, "how long a finished job can be read", "3600000"),
  WEIR_BLOCK_MS: setting(ms, "how long a blocking read waits in Redis", "15000"),
  WEIR_MAINTENANCE_MS: setting(ms, "the elected maintainer's period", "60000"),
  WEIR_DRAIN_DELAY_MS: setting(
    msOrZero,
    "how long a gateway goes on serving after SIGTERM, no longer ready, before it drains",
    "0",
  ),
  WEIR_DRAIN_MS: setting(ms, "how long running jobs may take after SIGTERM", "25000"),
  WEIR_API_KEYS_FILE: setting(
    z.string().min(1),
    "file of API keys, see docs/operators.md; unset: no keys, and only loopback is served",
  ),
  WEIR_API_KEY: setting(
    // What a header can carry (RFC 6750, section 2.1).
    z.string().regex(/^[\w.~+/-]+=*$/, "is not an API key"),
    "the key that classify, dead, explain, bench stress and start's first photo send",
  ),
  WEIR_CORS_ORIGINS: setting(origins, "allowed origins, separated by commas, or none", "none"),
  WEIR_LOG_LEVEL: setting(oneOf(...LOG_LEVELS), "debug, info, warning or error", "info"),
  WEIR_LOG_FORMAT: setting(oneOf("text", "json"), "text or json", "text"),
} as const;

type SettingName = keyof typeof SETTINGS;

/** The settings, read and checked. */
export type Config = {
  readonly [K in SettingName]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never;
};

/**
 * Reads the settings out of named texts; an empty text counts as unset.
 *
 * @param forClients whether clients are to be served: nobody but this machine without API keys
 */
export function parseConfig(
  env: Readonly<Record<string, string | undefined>>,
  { forClients = false }: { readonly forClients?: boolean } = {},
): { readonly ok: true; readonly config: Config } | {
  readonly ok: false;
  readonly faults: readonly string[];
} {
  const faults = unknownNames(env);
  const config: Record<string, unknown> = {};
  for (const [name, { schema, default: fallback }] of Object.entries(SETTINGS)) {
    const text = env[name] || fallback;
    if (text === undefined) continue;
    const read = schema.safeParse(text);
    if (read.success) config[name] = read.data;
    else faults.push(`${name}=${shown(name, text)} ${read.error.issues[0]?.message}`);
  }
  if (forClients) faults.push(...contradictions(config as Partial<Config>));
  if (faults.length > 0) return { ok: false, faults };
  return { ok: true, config: config as Config };
}

/** An environment without settings of Weir, for processes that are to have others. */
export function withoutSettings(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(WEIR_|REDIS_URL$)/.test(name)),
  );
}

/** What is wrong with settings that are right by themselves. */
function contradictions({ WEIR_HOST: host, WEIR_API_KEYS_FILE: file }: Partial<Config>): string[] {
  if (host === undefined || isLoopback(host) || file !== undefined) return [];
  return [
    `WEIR_HOST=${JSON.stringify(host)} is not a loopback address, ` +
    "and no other is served without WEIR_API_KEYS_FILE",
  ];
}

/** Values that no fault may print: an address can hold a password. */
const SECRETS = new Set(["REDIS_URL", "WEIR_API_KEY"]);

function shown(name: string, text: string): string {
  return SECRETS.has(name) ? "…" : JSON.stringify(text);
}

/** Misspelt settings, each with the nearest valid name. */
function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const names = Object.keys(SETTINGS);
  return Object.keys(env)
    .filter((name) => name.startsWith("WEIR_") && !names.includes(name))
    .map((name) => `${name} is not a setting, the nearest is ${closest(name, names)}`);
}
