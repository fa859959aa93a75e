import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { RedisServer } from "./redis_server.ts";

const executable = "redis-server";

Deno.test("redis server keeps what was written over a restart, where it has a folder", async () => {
  const folder = await Deno.makeTempDir();
  for (const expected of [null, "kept"]) {
    await using server = await RedisServer.start({ executable, folder });
    using client = disposable(new Redis(server.url));
    assert.equal(await client.redis.get("key"), expected);
    await client.redis.set("key", "kept");
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("redis server refuses a client without the password", async () => {
  await using server = await RedisServer.start({ executable });
  const url = new URL(server.url);
  url.password = "";
  using client = disposable(new Redis(url.href));
  await assert.rejects(client.redis.get("key"), /NOAUTH/);
});

Deno.test("redis server that cannot start says why", async () => {
  await assert.rejects(
    RedisServer.start({ executable, settings: { maxmemory: "nonsense" } }),
    /starting redis-server: /,
  );
});

function disposable(redis: Redis): { redis: Redis } & Disposable {
  redis.on("error", () => {});
  return { redis, [Symbol.dispose]: () => redis.disconnect() };
}
