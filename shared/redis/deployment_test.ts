import assert from "node:assert/strict";
import { testRedis } from "../testing/redis.ts";
import { DeploymentMismatch, joinDeployment } from "./deployment.ts";
import { META_KEY } from "./keys.ts";

Deno.test("processes of one version join the same deployment", async () => {
  await using redis = await testRedis();
  await joinDeployment(redis.client);
  await joinDeployment(redis.client);
  assert.equal(await redis.client.hget(META_KEY, "layout"), "1");
});

Deno.test("a process that knows another key layout refuses to join", async () => {
  await using redis = await testRedis();
  await redis.client.hset(META_KEY, "layout", "2");
  await assert.rejects(joinDeployment(redis.client), DeploymentMismatch);
  assert.equal(await redis.client.hget(META_KEY, "layout"), "2");
});
