import assert from "node:assert/strict";
import type { Finished } from "../shared/broker.ts";
import { testJob } from "./testing/jobs.ts";
import { openSettling } from "./testing/settling.ts";

const PAUSE_MS = 250;

/** A job that was answered. */
function done(): Finished {
  const job = testJob([1]);
  job.answer({ predictions: [] });
  return job.succeeded();
}

Deno.test("settler writes outcomes together and lets their deliveries go", async () => {
  const { settler, source, hands, log } = openSettling();
  const outcomes = [done(), testJob().dead("the model failed")];
  for (const { delivery } of outcomes) hands.add(delivery);
  settler.settle(outcomes);
  assert.equal(hands.all().length, 2);
  await settler.settled();
  assert.deepEqual(source.finished, outcomes);
  assert.deepEqual(hands.all(), []);
  assert.deepEqual(log.lines.map(({ level, message }) => `${level} ${message}`), [
    "debug job settled",
    "info job failed",
  ]);
  assert.deepEqual(log.lines[1]!.fields, {
    job: outcomes[1]!.delivery.id,
    model: outcomes[1]!.delivery.model,
    state: "failed",
    code: "job_failed",
    detail: "the model failed",
    dead: true,
  });
});

Deno.test("settler keeps trying while the broker is away, and complains once", async () => {
  const { settler, source, hands, clock, log } = openSettling();
  source.away = true;
  const outcome = done();
  hands.add(outcome.delivery);
  settler.settle([outcome]);
  for (let tries = 0; tries < 20; tries++) {
    await clock.untilWaiting();
    clock.advance(PAUSE_MS);
  }
  await clock.untilWaiting();
  assert(hands.has(outcome.delivery));
  assert.equal(log.lines.filter(({ level }) => level === "warn").length, 1);
  source.away = false;
  clock.advance(PAUSE_MS);
  await settler.settled();
  assert.deepEqual(source.finished, [outcome]);
  assert.deepEqual(hands.all(), []);
  assert.equal(clock.waiting, 0);
});

Deno.test("settler gives up when the process is about to end, and keeps the delivery in hand", async () => {
  const { settler, source, hands, clock, giveUp } = openSettling();
  source.away = true;
  const outcome = done();
  hands.add(outcome.delivery);
  settler.settle([outcome]);
  await clock.untilWaiting();
  giveUp.abort();
  settler.retry(outcome.delivery, 10);
  await settler.settled();
  assert.deepEqual([source.finished, source.putOff], [[], []]);
  assert.deepEqual(hands.all(), [outcome.delivery]);
});

Deno.test("settler writes an outcome that is there just when the process is about to end", async () => {
  const { settler, source, hands, giveUp } = openSettling();
  const outcome = done();
  hands.add(outcome.delivery);
  giveUp.abort();
  settler.settle([outcome]);
  await settler.settled();
  assert.deepEqual(source.finished, [outcome]);
  assert.deepEqual(hands.all(), []);
});

Deno.test("settler puts a job off and says for how long", async () => {
  const { settler, source, hands, retried } = openSettling();
  const { delivery } = testJob();
  hands.add(delivery);
  settler.retry(delivery, 700);
  await settler.settled();
  assert.deepEqual(source.putOff, [{ delivery, delayMs: 700 }]);
  assert.deepEqual(retried, [700]);
  assert.deepEqual(hands.all(), []);
});

Deno.test("settler says nothing of a job that was not its own to put off", async () => {
  const { settler, source, retried, log } = openSettling();
  source.retry = () => Promise.resolve(false);
  settler.retry(testJob().delivery, 700);
  await settler.settled();
  assert.deepEqual([retried, log.lines], [[], []]);
});
