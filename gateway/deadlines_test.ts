import assert from "node:assert/strict";
import { systemClock } from "../shared/clock.ts";
import { attach, openBroker, submit } from "../shared/testing/broker.ts";
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

for (const [set, hours] of [["ahead", 1], ["behind", -1]] as const) {
  Deno.test(`a gateway whose clock is ${set} knows how long a job has that is waited for`, async () => {
    await using broker = await openBroker();
    const wall = () => Date.now() + hours * 3_600_000;
    const deadlines = new Deadlines({ queue: broker.queue, clock: { ...systemClock, wall } });
    const id = await submit(broker, { timeoutMs: 60_000 });
    const live = await attach(broker.queue, id);
    const remainingMs = deadlines.remainingMs(live!);
    assert(remainingMs > 0 && remainingMs <= 60_000, `${remainingMs} ms remain`);
    const overdue = await attach(broker.queue, await submit(broker, { timeoutMs: 0 }));
    assert.equal((await deadlines.current(overdue!))?.state, "expired");
    const story = await broker.queue.story(await submit(broker, { timeoutMs: 0 }));
    assert.equal((await deadlines.current(story!.record))?.state, "expired");
    const read = await broker.queue.get(await submit(broker, { timeoutMs: 0 }));
    assert.equal((await deadlines.current(read!))?.state, "expired");
  });
}
