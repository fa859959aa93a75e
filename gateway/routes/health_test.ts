import assert from "node:assert/strict";
import { announceWorker } from "../../shared/testing/broker.ts";
import { freeze } from "../../shared/testing/redis.ts";
import { openApp, problem } from "../testing/app.ts";

Deno.test("ready is who reaches redis and has a worker for the default model", async () => {
  await using opened = await openApp({ served: false, redisTimeoutMs: 200 });
  const { app, broker } = opened;
  const look = () => app.request("/readyz");
  const unserved = await look();
  assert.equal(unserved.headers.get("retry-after"), "1");
  assert.equal(await problem(unserved, 503, "busy"), "no worker serves the default model");
  await announceWorker(broker.shard);
  const ready = await look();
  assert.deepEqual([ready.status, await ready.json()], [200, { ready: true }]);
  {
    using _ = await freeze(broker.redis);
    await problem(await look(), 503, "busy");
    assert.equal((await app.request("/healthz")).status, 200);
  }
});

Deno.test("a gateway that drains is alive and not ready", async () => {
  await using opened = await openApp();
  opened.drain();
  await problem(await opened.app.request("/readyz"), 503, "at_capacity");
  const response = await opened.app.request("/healthz");
  assert.deepEqual([response.status, await response.json()], [200, { alive: true }]);
});
