import assert from "node:assert/strict";
import { gatewayMetrics } from "./metrics.ts";
import { openApp } from "./testing/app.ts";

/** Value of a metric without labels. */
function valueOf(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

Deno.test("waits are counted while they are under way, and no more when they have ended", async () => {
  await using opened = await openApp();
  const { app, post } = opened;
  const scrape = async () => await (await app.request("/metrics")).text();
  const answer = post("/predict");
  const { end, delivery } = await opened.begin();
  assert.equal(valueOf(await scrape(), "weir_waiters"), 1);
  const star = { predictions: [{ label: "star", probability: 0.75 }] };
  await end({ state: "succeeded", results: delivery.images.map(() => star), timings: {} });
  await (await answer).body?.cancel();
  assert.equal(valueOf(await scrape(), "weir_waiters"), 0);
  assert.equal(valueOf(await scrape(), "weir_redis_breaker_open"), 0);
});

Deno.test("numbers are those of the moment at which they are asked for", async () => {
  const waiters = { size: 3, fallbacks: 2 };
  const streams = { size: 4, dropped: 1 };
  const sockets = { size: 5, inFlight: 6, dropped: 7 };
  const shards = [{ away: true }, { away: false }, { away: true }];
  const metrics = gatewayMetrics({ waiters, streams, sockets, shards });
  for (let scrapes = 0; scrapes < 2; scrapes++) {
    const text = await metrics.metrics();
    assert.match(text, /^# TYPE weir_waiter_fallbacks_total counter$/m);
    assert.equal(valueOf(text, "weir_waiter_fallbacks_total"), 2);
    assert.equal(valueOf(text, "weir_socket_clients"), 5);
    assert.equal(valueOf(text, "weir_socket_images_in_flight"), 6);
    assert.equal(valueOf(text, "weir_socket_clients_dropped_total"), 7);
    assert.equal(valueOf(text, "weir_redis_breaker_open"), 2);
    assert.equal(valueOf(text, "weir_sse_clients"), 4);
    assert.equal(valueOf(text, "weir_sse_clients_dropped_total"), 1);
  }
  waiters.size = 0;
  assert.equal(valueOf(await metrics.metrics(), "weir_waiters"), 0);
});
