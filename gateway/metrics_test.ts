import assert from "node:assert/strict";
import { Registry } from "prom-client";
import type { Overview } from "../shared/overview.ts";
import { bury } from "../shared/testing/broker.ts";
import { freeze } from "../shared/testing/redis.ts";
import { Scrape } from "../shared/testing/scrape.ts";
import { measureGateway } from "./metrics.ts";
import { openApp, type OpenedApp, STAR } from "./testing/app.ts";

async function scrape({ app }: OpenedApp): Promise<Scrape> {
  return new Scrape(await (await app.request("/metrics")).text());
}

Deno.test("waits are counted while they are under way, and no more when they have ended", async () => {
  await using opened = await openApp();
  const answer = opened.post("/predict");
  const { end } = await opened.begin();
  const waiting = await scrape(opened);
  assert.equal(waiting.value("weir_waiters"), 1);
  assert.equal(waiting.value("weir_http_body_bytes"), 0, "the test's requests declare no length");
  await end({ state: "succeeded", results: [{ predictions: STAR }], timings: {} });
  await (await answer).body?.cancel();
  const done = await scrape(opened);
  assert.equal(done.value("weir_waiters"), 0);
  assert.equal(done.value("weir_redis_breaker_open"), 0);
  assert.equal(done.value("weir_http_request_seconds_count", { route: "/predict" }), 1);
});

Deno.test("bodies count while their requests are under way, by what they declare", async () => {
  await using opened = await openApp();
  const answer = opened.post("/predict", { headers: { "content-length": "14" } });
  const { end } = await opened.begin();
  assert.equal((await scrape(opened)).value("weir_http_body_bytes"), 14);
  await end({ state: "failed", error: { code: "job_failed", detail: "" }, timings: {} });
  await (await answer).body?.cancel();
  assert.equal((await scrape(opened)).value("weir_http_body_bytes"), 0);
});

/** An overview of one model and one server, all numbers of them told apart. */
const OVERVIEW: Overview = {
  readAt: 0,
  shards: [{ number: 0, breakerOpen: false, read: true }, {
    number: 1,
    breakerOpen: true,
    read: false,
  }],
  models: [{
    ...{ model: "shapes", workers: 11, jobs: 12, bytes: 13, pending: 14, oldestMs: 15_500 },
    ...{ deadLetters: 16, deadBytes: 17 },
  }],
  workers: [
    { name: "w1", models: ["shapes"], alive: { engine: "wasm", beatMs: 0 } },
    { name: "w2", models: ["shapes"], alive: undefined },
  ],
  gateways: ["g1", "g2", "g3"],
  servers: [{
    ...{ shard: 0, version: "7", memoryBytes: 18, memoryBytesMax: 19, connections: 20 },
    ...{ commands: 21, commandsPerSecond: 22 },
  }],
};

type Measured = Parameters<typeof measureGateway>[1] & { waiters: { size: number } };

/** Numbers of a gateway, all told apart, and what each is called. */
function measured(): { parts: Measured; values: [string, number][] } {
  const parts = {
    waiters: { size: 1, fallbacks: 2 },
    streams: { size: 3, dropped: 4 },
    sockets: { size: 5, inFlight: 6, dropped: 7, sizeMax: 8 },
    shards: { all: [{ away: true }, { away: false }], connections: 9, connectionsMax: 10 },
    overviews: { read: () => Promise.resolve(OVERVIEW) },
    admission: { jobsMax: 100, bytesMax: 101 },
    deadBytesMax: 102,
  };
  const values: [string, number][] = [
    ["weir_waiters", 1],
    ["weir_waiter_fallbacks_total", 2],
    ["weir_sse_clients", 3],
    ["weir_sse_clients_dropped_total", 4],
    ["weir_socket_clients", 5],
    ["weir_socket_images_in_flight", 6],
    ["weir_socket_clients_dropped_total", 7],
    ["weir_socket_clients_max", 8],
    ["weir_redis_breaker_open", 1],
    ["weir_redis_process_connections", 9],
    ["weir_redis_process_connections_max", 10],
    ["weir_workers", 11],
    ["weir_queue_jobs", 12],
    ["weir_queue_bytes", 13],
    ["weir_pending_jobs", 14],
    ["weir_oldest_job_seconds", 15.5],
    ["weir_dead_letters", 16],
    ["weir_dead_letter_bytes", 17],
    ["weir_redis_memory_bytes", 18],
    ["weir_redis_memory_bytes_max", 19],
    ["weir_redis_connections", 20],
    ["weir_redis_commands_total", 21],
    ["weir_workers_silent", 1],
    ["weir_gateways", 3],
    ["weir_shards_unread", 1],
    ["weir_queue_jobs_max", 100],
    ["weir_queue_bytes_max", 101],
    ["weir_dead_letter_bytes_max", 102],
  ];
  return { parts, values };
}

Deno.test("numbers are those of the moment at which they are asked for", async () => {
  const { parts, values } = measured();
  const registry = new Registry();
  measureGateway(registry, parts);
  for (let scrapes = 0; scrapes < 2; scrapes++) {
    const read = new Scrape(await registry.metrics());
    assert.deepEqual(values.map(([name]) => [name, read.value(name)]), values);
    assert.equal(read.value("weir_queue_jobs", { model: "shapes" }), 12);
    assert(read.value("process_resident_memory_bytes")! > 1e6);
    assert(read.value("process_cpu_seconds_total")! > 0);
    assert(read.value("process_start_time_seconds")! > 1.7e9);
  }
  parts.waiters.size = 0;
  assert.equal(new Scrape(await registry.metrics()).value("weir_waiters"), 0);
});

Deno.test("what all do together is told of the models that are served, and no other", async () => {
  await using opened = await openApp();
  await bury(opened.broker);
  await (await opened.app.request("/predict?model=nobody", { method: "POST" })).body?.cancel();
  const read = await scrape(opened);
  assert.deepEqual(read.labels("weir_queue_jobs", "model"), ["shapes"]);
  assert.equal(read.value("weir_dead_letters", { model: "shapes" }), 1);
  assert.equal(read.value("weir_workers", { model: "shapes" }), 1);
  assert.equal(read.value("weir_gateways"), 1);
  assert.equal(read.value("weir_shards_unread"), 0);
});

Deno.test("metrics are there while redis is not, without what only it knows", async () => {
  await using opened = await openApp({ redisTimeoutMs: 200 });
  using _ = await freeze(opened.broker.redis);
  const read = await scrape(opened);
  assert.equal(read.value("weir_shards_unread"), 1);
  for (const name of ["weir_queue_jobs", "weir_gateways", "weir_redis_commands_total"]) {
    assert.equal(read.value(name), undefined, name);
  }
  assert.equal(read.value("weir_waiters"), 0);
});
