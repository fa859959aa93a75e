import { Redis } from "ioredis";
import assert from "node:assert/strict";
import type { FeedItem } from "../broker.ts";
import { systemClock } from "../clock.ts";
import { RedisServer } from "../redis_server.ts";
import { keys, newJob, testShards } from "../testing/broker.ts";
import { keptLog } from "../testing/kept_log.ts";
import { RedisResultFeed } from "./result_feed.ts";

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
  const record = { state: "expired", model: "shapes", created: 1, deadline: 2, total: 1 };
  const event = Object.entries({ id, ...record }).flat();
  while (await client.xadd(keys.results("g1"), "NOMKSTREAM", "*", ...event) === null);
  assert.equal((await coming).id, id);
  stop.abort();
  assert.equal((await items.next()).done, true);
});
