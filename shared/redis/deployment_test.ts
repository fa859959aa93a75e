import assert from "node:assert/strict";
import { testRedis } from "../testing/redis.ts";
import { DeploymentMismatch, joinDeployment } from "./deployment.ts";
import { META_KEY } from "./keys.ts";

Deno.test("processes of one version join the same deployment", async () => {
  await using redis = await testRedis();
  await joinDeployment(redis.shard, 1);
  await joinDeployment(redis.shard, 1);
  assert.equal(await redis.client.hget(META_KEY, "layout"), "3");
});

Deno.test("a process that knows another key layout refuses to join", async () => {
  await using redis = await testRedis();
  await redis.client.hset(META_KEY, "layout", "1");
  await assert.rejects(joinDeployment(redis.shard, 1), DeploymentMismatch);
  assert.equal(await redis.client.hget(META_KEY, "layout"), "1");
});

Deno.test("a process with another number of shards refuses to join, and says what to do", async () => {
  await using redis = await testRedis();
  await joinDeployment(redis.shard, 3);
  await assert.rejects(joinDeployment(redis.shard, 2), {
    name: "DeploymentMismatch",
    message: /deployment of 3 shards, and WEIR_SHARDS is 2: set it to 3/,
  });
  await joinDeployment(redis.shard, 3);
});
