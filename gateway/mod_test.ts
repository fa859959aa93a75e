import assert from "node:assert/strict";
import { BrokerUnavailable } from "../shared/broker.ts";
import { systemClock } from "../shared/clock.ts";
import { parseConfig } from "../shared/config.ts";
import type { RedisSettings } from "../shared/redis/connection.ts";
import { freePort } from "../shared/redis_server.ts";
import { announceWorker, keys, testShards } from "../shared/testing/broker.ts";
import { type KeptLog, keptLog } from "../shared/testing/kept_log.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { freeze, testRedis } from "../shared/testing/redis.ts";
import { StopSwitch } from "../shared/stop.ts";
import { Tracing } from "../shared/tracing.ts";
import { runGateway } from "./mod.ts";
import { RawSocket } from "./testing/raw_socket.ts";

interface Running {
  /** Where it listens. */
  readonly url: string;
  readonly log: KeptLog;
  readonly stop: StopSwitch;
  /** What its time to leave is measured with. */
  readonly stopClock: ManualClock;
  readonly ended: Promise<void>;
}

/** Time from the signal on in which a gateway that is to stop serves on. */
const DELAY_MS = 10_000;

/** Runs a gateway on a free port until it is told to stop. */
async function start(
  redis: RedisSettings,
  env: Record<string, string> = {},
  { name = "g1", sharePort = false, delayMs = 0 } = {},
): Promise<Running> {
  const read = parseConfig({ WEIR_PORT: "0", ...env });
  assert(read.ok);
  const stopClock = new ManualClock();
  const stop = new StopSwitch({ delayMs, drainMs: 10_000, clock: stopClock });
  const kept = keptLog();
  const ready = Promise.withResolvers<string>();
  const log: KeptLog = {
    ...kept,
    info: (message, fields) => {
      kept.info(message, fields);
      if (message === "gateway ready") ready.resolve(String(fields?.url));
    },
  };
  const [clock, tracing] = [systemClock, new Tracing(systemClock)];
  const parts = { config: read.config, redis, name, sharePort, tracing, clock, log };
  const ended = runGateway(parts, stop);
  const url = await Promise.race([ready.promise, ended.then(() => "")]);
  return { url, log, stop, stopClock, ended };
}

Deno.test("gateway serves its page until it drains, and leaves nothing in redis", async () => {
  await using redis = await testRedis();
  const { url, stop, ended } = await start(redis.settings);
  assert.equal(await redis.client.exists(keys.results("g1")), 1);
  const page = await fetch(url);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<title>Weir<\/title>/);
  stop.signal();
  await ended;
  await assert.rejects(fetch(url));
  assert.deepEqual(await redis.client.keys("*g1*"), []);
  assert.equal(await redis.client.sismember(keys.gateways(), "g1"), 0);
});

Deno.test("gateway that leaves is not ready and serves on, each connection once, until it drains", async () => {
  await using redis = await testRedis();
  await using shards = await testShards({ settings: redis.settings });
  await announceWorker(shards.all[0]!);
  const { url, stop, stopClock, log, ended } = await start(redis.settings, {}, {
    delayMs: DELAY_MS,
  });
  const ask = async (path: string) => {
    const { status, headers, body } = await fetch(url + path);
    await body?.cancel();
    return [status, headers.get("connection")];
  };
  assert.deepEqual(await ask("/readyz"), [200, null]);
  stop.signal();
  assert.deepEqual(await ask("/readyz"), [503, "close"]);
  assert.deepEqual(await ask("/v1/models"), [200, "close"]);
  (await RawSocket.open(`${url}/v1/socket`))[Symbol.dispose]();
  assert(!log.lines.some(({ message }) => message === "gateway draining"));
  stopClock.advance(DELAY_MS);
  await ended;
  await assert.rejects(fetch(url));
});

Deno.test("gateway ends by itself although redis hangs", async () => {
  await using redis = await testRedis();
  const { stop, ended, log } = await start({ ...redis.settings, timeoutMs: 500 });
  using _ = await freeze(redis);
  stop.signal();
  await ended;
  assert(log.lines.some(({ message }) => message === "leaving without tidying up"));
});

Deno.test("gateway that cannot listen says where and why", async () => {
  await using redis = await testRedis();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  await assert.rejects(start(redis.settings, { WEIR_PORT: String(port) }), {
    name: "ListenError",
    message: `cannot listen at http://127.0.0.1:${port}: Address already in use`,
  });
});

Deno.test("gateways share a port only where all of them are told to", async () => {
  await using redis = await testRedis();
  const first = await start(redis.settings, {}, { name: "g1", sharePort: true });
  const env = { WEIR_PORT: new URL(first.url).port };
  const second = await start(redis.settings, env, { name: "g2", sharePort: true });
  assert.equal(second.url, first.url);
  await assert.rejects(start(redis.settings, env, { name: "g3" }), { name: "ListenError" });
  first.stop.signal();
  await first.ended;
  // Not through a connection of the first one.
  using client = Deno.createHttpClient({});
  const answer = await fetch(`${second.url}/healthz`, { client });
  assert.deepEqual([answer.status, await answer.json()], [200, { alive: true }]);
  second.stop.signal();
  await second.ended;
});

Deno.test("gateway that reaches no redis does not start", async () => {
  const url = `redis://127.0.0.1:${freePort()}`;
  await assert.rejects(start({ url, name: "test", timeoutMs: 5_000 }), BrokerUnavailable);
});
