import assert from "node:assert/strict";
import { BrokerUnavailable } from "../broker.ts";
import { systemClock } from "../clock.ts";
import { keptLog } from "../testing/kept_log.ts";
import { testRedis } from "../testing/redis.ts";
import { Shards } from "./shard.ts";

Deno.test({
  name: "redis is full while it takes no more connections, and serves when it does again",
  // The library lets the timers of a handshake that was cut off run out.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(): Promise<void> {
    await using redis = await testRedis();
    const { client, settings } = redis;
    using shards = await Shards.open({
      settings,
      ...{ count: 1, connectionsMax: 8, others: 1, clock: systemClock, log: keptLog() },
    });
    const get = () =>
      shards.common.run((client) => client.get("key")).then(() => "served", reasonOf);
    await client.config("SET", "maxclients", 1);
    await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    while (await get() !== "full") await client.ping();
    for (let i = 0; i < 5; i++) assert.equal(await get(), "full");
    await client.config("SET", "maxclients", 100);
    while (await get() !== "served") await client.ping();
  },
});

function reasonOf(error: unknown): string {
  assert(error instanceof BrokerUnavailable);
  return error.reason;
}
