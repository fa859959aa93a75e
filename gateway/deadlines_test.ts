import assert from "node:assert/strict";
import { systemClock } from "../shared/clock.ts";
import { openBroker, submit } from "../shared/testing/broker.ts";
import { commandCalls } from "../shared/testing/redis.ts";
import { Deadlines } from "./deadlines.ts";

Deno.test("a job with many followers is expired once, and all are told", async () => {
  await using broker = await openBroker();
  const { queue, redis: { client } } = broker;
  const deadlines = new Deadlines({ queue, clock: systemClock });
  // The second job is expired as the first was: nothing of that is kept.
  for (let jobs = 0; jobs < 2; jobs++) {
    const id = await submit(broker, { timeoutMs: 1 });
    const before = await commandCalls(client);
    const followers = Array.from({ length: 1_000 }, () => deadlines.expire(id));
    for (const record of await Promise.all(followers)) assert.equal(record?.state, "expired");
    const after = await commandCalls(client);
    const reads = (after.get("hgetall") ?? 0) - (before.get("hgetall") ?? 0);
    assert(reads < 100, `the record was read ${reads} times`);
    assert.equal((await deadlines.expire(id))?.state, "expired");
  }
});
