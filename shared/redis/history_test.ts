import assert from "node:assert/strict";
import { openBroker } from "../testing/broker.ts";
import { RedisHistory } from "./history.ts";
import { HISTORY_KEY } from "./keys.ts";

Deno.test("what is kept is read in order, once, by whoever goes on where it was", async () => {
  await using broker = await openBroker();
  const history = new RedisHistory(broker.shards.common);
  const none = await history.since(undefined);
  assert.deepEqual(none.texts, []);
  await history.append("one");
  await history.append("two");
  const first = await history.since(none.cursor);
  assert.deepEqual(first.texts, ["one", "two"]);
  assert.deepEqual(await history.since(first.cursor), { texts: [], cursor: first.cursor });
  await history.append("three");
  assert.deepEqual((await history.since(first.cursor)).texts, ["three"]);
  assert.deepEqual((await history.since(undefined)).texts, ["one", "two", "three"]);
});

Deno.test("the history is bounded, and ends by itself", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const history = new RedisHistory(broker.shards.common);
  await Promise.all(Array.from({ length: 6_000 }, (_, i) => history.append(`text ${i}`)));
  // Redis drops whole nodes, of 100 entries each.
  const kept = await client.xlen(HISTORY_KEY);
  assert(kept >= 5_760 && kept < 5_860, `${kept} texts`);
  const leftMs = await client.pttl(HISTORY_KEY);
  assert(leftMs > 3_500_000 && leftMs <= 3_600_000, `${leftMs} ms`);
});
