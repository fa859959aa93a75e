import fc from "fast-check";
import type { Redis } from "ioredis";
import assert from "node:assert/strict";
import { BrokerUnavailable } from "../broker.ts";
import { newJobId } from "../job.ts";
import { freePort, RedisServer } from "../redis_server.ts";
import { type KeptLog, keptLog } from "../testing/kept_log.ts";
import { freeze, type TestRedis, testRedis } from "../testing/redis.ts";
import {
  guarded,
  openCommands,
  RECONNECT_PAUSE_MAX_MS,
  reconnectPause,
  unavailable,
} from "./connection.ts";
import { RedisJobQueue } from "./job_queue.ts";

/** Opens a command connection that ends with the test. */
async function open(
  { settings }: Pick<TestRedis, "settings">,
  { timeoutMs = 5_000, log = keptLog() }: { timeoutMs?: number; log?: KeptLog } = {},
): Promise<{ client: Redis } & Disposable> {
  const client = await openCommands({ ...settings, timeoutMs }, log);
  return { client, [Symbol.dispose]: () => client.disconnect() };
}

/** The reason for which something is unavailable. */
async function reasonOf(failing: Promise<unknown>): Promise<string> {
  const error = await failing.then(() => undefined, (error) => error);
  assert(error instanceof BrokerUnavailable, String(error));
  return error.reason;
}

Deno.test("reconnecting pauses double up to their bound, half of each left to chance", () => {
  assert.equal(reconnectPause(1, () => 0), 25);
  assert.equal(reconnectPause(1, () => 1), 50);
  assert.equal(reconnectPause(3, () => 0), 100);
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(fc.integer({ min: 1, max: 5_000 }), chance, (attempt, random) => {
    const pause = reconnectPause(attempt, () => random);
    assert(25 <= pause && pause <= RECONNECT_PAUSE_MAX_MS);
    assert(pause >= reconnectPause(attempt, () => 0));
  }));
});

for (
  const [message, reason] of [
    ["OOM command not allowed when used memory > 'maxmemory'.", "full"],
    [
      "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > " +
      "'maxmemory'.",
      "full",
    ],
    ["ERR max number of clients reached", "full"],
    ["ERR max requests limit exceeded. Limit: 500000, Usage: 500000", "full"],
    ["ERR max daily request limit exceeded. Limit: 10000, Usage: 10000", "full"],
    ["LOADING Redis is loading the dataset in memory", "away"],
    ["MISCONF Redis is configured to save RDB snapshots", "away"],
    ["READONLY You can't write against a read only replica.", "away"],
    ["connect ECONNREFUSED 127.0.0.1:6380", "away"],
    ["Command timed out", "away"],
  ] as const
) {
  Deno.test(`redis is ${reason} where it says "${message}"`, () => {
    const cause = new Error(message);
    const error = unavailable(cause);
    assert.equal(error.reason, reason);
    assert.equal(error.message, message);
    assert.equal(error.cause, cause);
    assert.equal(unavailable(error), error);
  });
}

Deno.test("redis is full where its memory is used up, for a command and for a submit", async () => {
  await using redis = await testRedis({ settings: { "maxmemory-policy": "noeviction" } });
  using commands = await open(redis);
  const { client } = commands;
  await redis.client.config("SET", "maxmemory", 1);
  assert.equal(await reasonOf(guarded(client, () => client.set("key", "value"))), "full");
  const queue = new RedisJobQueue({
    client,
    gateway: "g1",
    admission: { jobsMax: 10, bytesMax: 100 },
  });
  const submit = queue.submit({
    owner: "",
    id: newJobId(0, () => crypto.randomUUID()),
    model: "shapes",
    lane: 0,
    images: [{ bytes: new Uint8Array(4) }],
    timeoutMs: 1_000,
    keepMs: 1_000,
  });
  assert.equal(await reasonOf(submit), "full");
  assert.equal(await redis.client.dbsize(), 0);
});

Deno.test("opening fails where nobody listens", async () => {
  const url = `redis://127.0.0.1:${freePort()}`;
  assert.equal(await reasonOf(open({ settings: { url, name: "test", timeoutMs: 5_000 } })), "away");
});

Deno.test("opening fails with the wrong password, and says so", async () => {
  await using redis = await testRedis();
  const url = new URL(redis.server.url);
  url.password = "wrong";
  const settings = { ...redis.settings, url: url.href };
  await assert.rejects(open({ settings }), /WRONGPASS/);
});

Deno.test("a connection is named after the process and its purpose", async () => {
  await using redis = await testRedis();
  using _ = await open(redis);
  assert.match(String(await redis.client.client("LIST")), / name=test:commands /);
});

Deno.test("a redis that refuses CLIENT is used without", async () => {
  await using redis = await testRedis({ settings: { "rename-command": 'CLIENT ""' } });
  using commands = await open(redis);
  assert.equal(await guarded(commands.client, () => commands.client.set("key", "value")), "OK");
});

Deno.test("a command that gets no reply fails in time, and its connection is replaced", async () => {
  await using redis = await testRedis();
  using commands = await open(redis, { timeoutMs: 250 });
  const { client } = commands;
  const before = await client.client("ID");
  const replaced = new Promise((resolve) => client.once("ready", resolve));
  {
    using _ = await freeze(redis);
    assert.equal(await reasonOf(guarded(client, () => client.get("key"))), "away");
  }
  await replaced;
  assert.notEqual(await client.client("ID"), before);
});

Deno.test("commands fail at once while redis is away, and pass when it is back", async () => {
  const executable = "redis-server";
  await using servers = new AsyncDisposableStack();
  const first = await RedisServer.start({ executable });
  const log = keptLog();
  const settings = { url: first.url, name: "test", timeoutMs: 5_000 };
  using commands = await open({ settings }, { log });
  const { client } = commands;
  const refused = new Promise((resolve) => client.once("error", resolve));
  await first[Symbol.asyncDispose]();
  await refused;
  assert.equal(await reasonOf(guarded(client, () => client.get("key"))), "away");
  const back = new Promise((resolve) => client.once("ready", resolve));
  servers.use(await RedisServer.start({ executable, address: first.address }));
  await back;
  assert.equal(await guarded(client, () => client.get("key")), null);
  assert.deepEqual(log.lines.map(({ level, message }) => `${level} ${message}`), [
    "warn redis connection lost",
    "info redis connection back",
  ]);
});
