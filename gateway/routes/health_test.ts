import assert from "node:assert/strict";
import { freeze } from "../../shared/testing/redis.ts";
import { announce, openApp } from "../testing/app.ts";

Deno.test("ready is who reaches redis and has a worker for the default model", async () => {
  await using opened = await openApp({ served: false, redisTimeoutMs: 200 });
  const { app, broker } = opened;
  const look = async (status: number) => {
    const response = await app.request("/readyz");
    assert.equal(response.status, status);
    assert.equal(response.headers.get("retry-after"), status === 503 ? "1" : null);
    return await response.json();
  };
  assert.deepEqual(await look(503), { ready: false, redis: true, worker: false });
  await announce(broker);
  assert.deepEqual(await look(200), { ready: true, redis: true, worker: true });
  {
    using _ = await freeze(broker.redis);
    assert.deepEqual(await look(503), { ready: false, redis: false, worker: false });
    assert.equal((await app.request("/healthz")).status, 200);
  }
});

Deno.test("a gateway that drains is alive and not ready", async () => {
  await using opened = await openApp();
  opened.drain();
  assert.equal((await opened.app.request("/readyz")).status, 503);
  const response = await opened.app.request("/healthz");
  assert.deepEqual([response.status, await response.json()], [200, { alive: true }]);
});
