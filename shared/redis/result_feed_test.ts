import { Redis } from "ioredis";
import assert from "node:assert/strict";
import type { FeedItem } from "../broker.ts";
import { systemClock } from "../clock.ts";
import { RedisServer } from "../redis_server.ts";
import type { JobId } from "../job.ts";
import { keys, newJob, openBroker, testShards } from "../testing/broker.ts";
import { keptLog } from "../testing/kept_log.ts";
import { RedisResultFeed } from "./result_feed.ts";

/** News of a job, as a stream has it. */
function eventOf(id: JobId): (string | number)[] {
  const record = { state: "expired", model: "shapes", created: 1, deadline: 2, total: 1 };
  return Object.entries({ id, ...record }).flat();
}

Deno.test("a feed whose redis goes away says gap until it is back, and complains once", async () => {
  const executable = "redis-server";
  await using stack = new AsyncDisposableStack();
  const first = await RedisServer.start({ executable });
  const log = keptLog();
  const settings = { url: first.url, name: "test", timeoutMs: 5_000 };
  const servers = stack.use(new AsyncDisposableStack());
  const [shard] = stack.use(await testShards({ settings })).all;
  const feed = new RedisResultFeed({
    ...{ shard: shard!, gateway: "g1", blockMs: 500, renewMs: 20_000 },
    clock: systemClock,
    log,
  });
  await feed.renew();
  const stop = new AbortController();
  const items = feed.items(stop.signal)[Symbol.asyncIterator]();
  const next = async (): Promise<FeedItem> => (await items.next()).value;
  const gap = next();
  await first[Symbol.asyncDispose]();
  assert.equal((await gap).kind, "gap");
  for (let gaps = 0; gaps < 3; gaps++) assert.equal((await next()).kind, "gap");
  const complaints = () => log.lines.filter(({ level }) => level === "warn").length;
  assert.equal(complaints(), 1);

  // It comes back without its data: the stream is made again, and read from its start.
  const { id } = newJob();
  const coming = (async () => {
    for (let item = await next();; item = await next()) {
      if (item.kind === "event") return item.event;
    }
  })();
  const second = servers.use(await RedisServer.start({ executable, address: first.address }));
  const client = new Redis(second.url);
  stack.defer(() => client.disconnect());
  while (await client.xadd(keys.results("g1"), "NOMKSTREAM", "*", ...eventOf(id)) === null);
  assert.equal((await coming).id, id);
  stop.abort();
  assert.equal((await items.next()).done, true);
});

Deno.test("a feed misses no news of a new master whose clock is behind", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const stream = keys.results("g1");
  const [hello] = await client.xrevrange(stream, "+", "-", "COUNT", 1);
  const stop = new AbortController();
  const items = broker.feed.items(stop.signal)[Symbol.asyncIterator]();
  const next = async (): Promise<FeedItem> => (await items.next()).value;

  // What the old master told last is read here, and has not come to the new one.
  const told = next();
  const ahead = `${Date.now() + 3_600_000}-0`;
  await client.xadd(stream, ahead, ...eventOf(newJob().id));
  assert.equal((await told).kind, "event");
  const gap = next();
  await client.xdel(stream, ahead);
  await client.call("XSETID", stream, hello![0]);
  await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  assert.equal((await gap).kind, "gap");

  // What the new one has told before the feed is back is in the records.
  await client.xadd(stream, "*", ...eventOf(newJob().id));
  assert.deepEqual(await next(), { kind: "gap", shard: 0, reason: "result stream was set back" });
  const { id } = newJob();
  await client.xadd(stream, "*", ...eventOf(id));
  const item = await next();
  assert(item.kind === "event");
  assert.equal(item.event.id, id);
  stop.abort();
  assert.equal((await items.next()).done, true);
});
