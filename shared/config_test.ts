import assert from "node:assert/strict";
import { parseEnv } from "node:util";
import { type Config, parseConfig, SETTINGS, withoutSettings } from "./config.ts";

function read(env: Record<string, string | undefined>): Config {
  const parsed = parseConfig(env);
  if (!parsed.ok) throw new Error(parsed.faults.join("\n"));
  return parsed.config;
}

function faults(
  env: Record<string, string | undefined>,
  options?: Parameters<typeof parseConfig>[1],
): readonly string[] {
  const parsed = parseConfig(env, options);
  return parsed.ok ? [] : parsed.faults;
}

/** What the documentation promises for a setting that is not set. */
const DEFAULTS: Record<string, string | number | readonly string[] | undefined> = {
  REDIS_URL: undefined,
  WEIR_HOST: "127.0.0.1",
  WEIR_PORT: 8080,
  WEIR_DATA_DIR: ".weir",
  WEIR_NAME: undefined,
  WEIR_MODELS: "fixtures/models",
  WEIR_ENGINE: "auto",
  WEIR_NULL_DELAY_MS: 0,
  WEIR_WORKERS: 1,
  WEIR_BATCH_MAX: 32,
  WEIR_BATCH_LINGER_MS: 0,
  WEIR_THREADS: undefined,
  WEIR_BODY_BYTES_MAX: 10_485_760,
  WEIR_PIXELS_MAX: 50_000_000,
  WEIR_OUTPUT_BYTES_MAX: 262_144,
  WEIR_QUEUE_BYTES_MAX: 268_435_456,
  WEIR_QUEUE_JOBS_MAX: 10_000,
  WEIR_QUEUE_WAIT_MAX_MS: undefined,
  WEIR_INFER_TIMEOUT_MS: 60_000,
  WEIR_REDIS_TIMEOUT_MS: 5_000,
  WEIR_REDIS_HEALTH_MS: 30_000,
  WEIR_REDIS_CONNECTIONS_MAX: 8,
  WEIR_REDIS_WAIT_REPLICAS: 0,
  WEIR_METRICS_PORT: undefined,
  WEIR_TIMEOUT_MS: 30_000,
  WEIR_RESULT_TTL_MS: 3_600_000,
  WEIR_ATTEMPTS_MAX: 3,
  WEIR_CLAIM_IDLE_MS: 30_000,
  WEIR_BLOCK_MS: 15_000,
  WEIR_MAINTENANCE_MS: 60_000,
  WEIR_DRAIN_DELAY_MS: 0,
  WEIR_DRAIN_MS: 25_000,
  WEIR_SHARDS: 1,
  WEIR_API_KEYS_FILE: undefined,
  WEIR_API_KEY: undefined,
  WEIR_CORS_ORIGINS: [],
  WEIR_LOG_LEVEL: "info",
  WEIR_LOG_FORMAT: "text",
};

for (const name of Object.keys(SETTINGS) as (keyof Config)[]) {
  Deno.test(`config: ${name} has the documented default, set to nothing as well`, () => {
    assert(name in DEFAULTS, `${name} is not documented`);
    assert.deepEqual(read({})[name], DEFAULTS[name]);
    assert.deepEqual(read({ [name]: "" })[name], DEFAULTS[name]);
  });
}

const good: [name: keyof Config, text: string, value: unknown][] = [
  ["REDIS_URL", "redis://user:secret@redis.example:6380/2", undefined],
  ["REDIS_URL", "rediss://redis.example", undefined],
  ["REDIS_URL", "redis-sentinel://:secret@a:26379,b:26379/main/1", undefined],
  ["REDIS_URL", "redis-cluster://a:7000,b:7001", undefined],
  ["WEIR_HOST", "localhost", undefined],
  ["WEIR_HOST", "::1", undefined],
  ["WEIR_HOST", "127.1.2.3", undefined],
  ["WEIR_PORT", "0", 0],
  ["WEIR_PORT", "65535", 65_535],
  ["WEIR_BATCH_MAX", "1", 1],
  ["WEIR_ENGINE", "null", "null"],
  ["WEIR_NAME", "castle-1.example_org", undefined],
  ["WEIR_CORS_ORIGINS", "none", []],
  ["WEIR_CORS_ORIGINS", "https://a.example", ["https://a.example"]],
  ["WEIR_CORS_ORIGINS", "https://a.example,http://localhost:3000", [
    "https://a.example",
    "http://localhost:3000",
  ]],
  ["WEIR_LOG_LEVEL", "warning", "warning"],
  ["WEIR_LOG_FORMAT", "json", "json"],
];

for (const [name, text, value = text] of good) {
  Deno.test(`config: ${name} may be "${text}"`, () => {
    assert.deepEqual(read({ [name]: text })[name], value);
  });
}

const bad: [name: keyof Config, text: string, state: string][] = [
  [
    "REDIS_URL",
    "localhost:6379",
    "is not a redis://, rediss://, redis-sentinel:// or redis-cluster:// address",
  ],
  [
    "REDIS_URL",
    "http://localhost",
    "is not a redis://, rediss://, redis-sentinel:// or redis-cluster:// address",
  ],
  ["WEIR_HOST", "not a host", "is neither an address nor a host name"],
  ["WEIR_HOST", "0.0.0.0:80", "is neither an address nor a host name"],
  ["WEIR_PORT", "65536", "is above 65535"],
  ["WEIR_PORT", "-1", "is below 0"],
  ["WEIR_PORT", "80a", "is not a whole number"],
  ["WEIR_PORT", " 80", "is not a whole number"],
  ["WEIR_PORT", "8e3", "is not a whole number"],
  ["WEIR_PORT", "80.5", "is not a whole number"],
  ["WEIR_NAME", "two words", "may have only letters, digits and . _ -"],
  ["WEIR_NAME", "x".repeat(65), "may have only letters, digits and . _ -"],
  ["WEIR_ENGINE", "cuda", "is not one of auto, tensorflow, wasm, "],
  ["WEIR_LOG_LEVEL", "trace", "is not one of debug, info, warning, error"],
  ["WEIR_LOG_FORMAT", "TEXT", "is not one of text, json"],
  ["WEIR_API_KEY", "weir_ä", "is not an API key"],
  ["WEIR_CORS_ORIGINS", "*", "has an entry that is not an origin"],
  ["WEIR_CORS_ORIGINS", "https://a.example/", "has an entry that is not an origin"],
  [
    "WEIR_CORS_ORIGINS",
    "https://a.example, https://b.example",
    "has an entry that is not an origin",
  ],
];

for (const [name, text, state] of bad) {
  Deno.test(`config: ${name} may not be "${text}"`, () => {
    const [fault, ...more] = faults({ [name]: text });
    assert.deepEqual(more, []);
    const shown = ["REDIS_URL", "WEIR_API_KEY"].includes(name) ? "…" : JSON.stringify(text);
    assert(fault?.startsWith(`${name}=${shown} ${state}`), String(fault));
  });
}

/** Settings that are numbers have bounds on both sides. */
const numeric = Object.entries(SETTINGS).filter(([, { default: value }]) => /^\d+$/.test(value!));

for (const [name] of numeric) {
  Deno.test(`config: ${name} is bounded below and above`, () => {
    assert.match(faults({ [name]: "-1" })[0]!, /is below (0|1|\d{3})$/);
    assert.match(faults({ [name]: "9007199254740992" })[0]!, /is above \d+$/);
    assert.equal(faults({ [name]: "9".repeat(400) }).length, 1);
  });
}

Deno.test("config tells all faults at once", () => {
  const told = faults({
    REDIS_URL: "nonsense",
    WEIR_PORT: "high",
    WEIR_BATCH_MAX: "0",
    WEIR_LOG_LEVL: "info",
  });
  assert.deepEqual(told.map((fault) => fault.split(/[= ]/)[0]).sort(), [
    "REDIS_URL",
    "WEIR_BATCH_MAX",
    "WEIR_LOG_LEVL",
    "WEIR_PORT",
  ]);
});

for (const host of ["0.0.0.0", "::", "10.0.0.7", "weir.example", "127.0.0.1.example"]) {
  Deno.test(`config lets clients be served at "${host}" with API keys alone`, () => {
    assert.deepEqual(faults({ WEIR_HOST: host, WEIR_PORT: "high" }, { forClients: true }), [
      'WEIR_PORT="high" is not a whole number',
      `WEIR_HOST="${host}" is not a loopback address, ` +
      "and no other is served without WEIR_API_KEYS_FILE",
    ]);
    const env = { WEIR_HOST: host, WEIR_API_KEYS_FILE: "keys.jsonl" };
    assert.deepEqual(faults(env, { forClients: true }), []);
    assert.equal(read({ WEIR_HOST: host }).WEIR_HOST, host);
  });
}

Deno.test("config names the setting that a misspelt one is nearest to", () => {
  assert.deepEqual(faults({ WEIR_LOG_LEVL: "info" }), [
    "WEIR_LOG_LEVL is not a setting, the nearest is WEIR_LOG_LEVEL",
  ]);
  assert.match(faults({ WEIR_TIMEOUT: "5" })[0]!, /the nearest is WEIR_TIMEOUT_MS$/);
  assert.match(faults({ WEIR_MODEL: "" })[0]!, /the nearest is WEIR_MODELS$/);
});

Deno.test("config leaves other programs' variables alone", () => {
  const others = { PATH: "/bin", REDIS_HOST: "x", REDIS_URLS: "y", weir_port: "1" };
  assert.deepEqual(read(others), read({}));
  const settings = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, "z"]));
  assert.deepEqual(withoutSettings({ ...settings, WEIR_OLD: "z", ...others }), others);
});

for (
  const url of ["hunter2", "http://user:hunter2@localhost", "redis//:hunter2@host", "://hunter2"]
) {
  Deno.test(`config never prints the address of Redis, be it wrong as "${url}"`, () => {
    const told = faults({ REDIS_URL: url, WEIR_PORT: "high" });
    assert.equal(told.length, 2);
    assert(!told.join().includes("hunter2"));
  });
}

/** The example file, as the settings make it. */
function example(): string {
  const settings = Object.entries(SETTINGS).map(([name, { about, default: value = "" }]) =>
    `\n# ${about}\n# ${name}=${value}\n`
  );
  return "# Weir's settings with their defaults. Copy this file to .env and uncomment what you change;\n" +
    "# the environment goes before .env.\n" + settings.join("");
}

const exampleFile = new URL("../.env.example", import.meta.url);

Deno.test(".env.example has every setting with its default and what it means", async () => {
  assert.equal(await Deno.readTextFile(exampleFile), example());
});

Deno.test(".env.example uncommented changes nothing", async () => {
  const text = await Deno.readTextFile(exampleFile);
  const env = parseEnv(text.replaceAll(/^# (?=[A-Z_]+=)/gm, "")) as Record<string, string>;
  assert.deepEqual(Object.keys(env), Object.keys(SETTINGS));
  assert.deepEqual(read(env), read({}));
});
