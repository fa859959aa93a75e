import assert from "node:assert/strict";
import { BrokerUnavailable } from "../shared/broker.ts";
import { systemClock } from "../shared/clock.ts";
import { parseConfig } from "../shared/config.ts";
import type { RedisSettings } from "../shared/redis/connection.ts";
import { freePort } from "../shared/redis_server.ts";
import { keys } from "../shared/testing/broker.ts";
import { type KeptLog, keptLog } from "../shared/testing/kept_log.ts";
import { freeze, testRedis } from "../shared/testing/redis.ts";
import { Tracing } from "../shared/tracing.ts";
import { runGateway } from "./mod.ts";

interface Running {
  /** Where it listens. */
  readonly url: string;
  readonly log: KeptLog;
  readonly drain: AbortController;
  readonly giveUp: AbortController;
  readonly ended: Promise<void>;
}

/** Runs a gateway on a free port until it is told to drain. */
async function start(
  redis: RedisSettings,
  env: Record<string, string> = {},
  { name = "g1", sharePort = false } = {},
): Promise<Running> {
  const read = parseConfig({ WEIR_PORT: "0", ...env });
  assert(read.ok);
  const [drain, giveUp] = [new AbortController(), new AbortController()];
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
  const ended = runGateway(parts, drain.signal, giveUp.signal);
  const url = await Promise.race([ready.promise, ended.then(() => "")]);
  return { url, log, drain, giveUp, ended };
}

Deno.test("gateway serves its page until it drains, and leaves nothing in redis", async () => {
  await using redis = await testRedis();
  const { url, drain, ended } = await start(redis.settings);
  assert.equal(await redis.client.exists(keys.results("g1")), 1);
  const page = await fetch(url);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<title>Weir<\/title>/);
  drain.abort();
  await ended;
  await assert.rejects(fetch(url));
  assert.deepEqual(await redis.client.keys("*g1*"), []);
  assert.equal(await redis.client.sismember(keys.gateways(), "g1"), 0);
});

Deno.test("gateway ends by itself although redis hangs", async () => {
  await using redis = await testRedis();
  const { drain, ended, log } = await start({ ...redis.settings, timeoutMs: 500 });
  using _ = await freeze(redis);
  drain.abort();
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
  first.drain.abort();
  await first.ended;
  // Not through a connection of the first one.
  using client = Deno.createHttpClient({});
  const answer = await fetch(`${second.url}/healthz`, { client });
  assert.deepEqual([answer.status, await answer.json()], [200, { alive: true }]);
  second.drain.abort();
  await second.ended;
});

Deno.test("gateway that reaches no redis does not start", async () => {
  const url = `redis://127.0.0.1:${freePort()}`;
  await assert.rejects(start({ url, name: "test", timeoutMs: 5_000 }), BrokerUnavailable);
});
