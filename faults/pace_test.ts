import assert from "node:assert/strict";
import { Pace } from "./pace.ts";

/** Whether a promise has settled by the time that everything else that can happen has happened. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const later = new Promise<boolean>((resolve) => setTimeout(() => resolve(false)));
  const first = await Promise.race([promise.then(() => true), later]);
  await later;
  return first;
}

Deno.test("submissions begin in order, as far as they may, and each once", async () => {
  const pace = new Pace(3);
  pace.allow(1);
  assert.equal(await pace.next(), 0);
  const waiting = [pace.next(), pace.next(), pace.next()];
  assert.equal(await settled(waiting[0]!), false);
  pace.allow(10);
  assert.deepEqual(await Promise.all(waiting), [1, 2, undefined]);
  assert.equal(await pace.next(), undefined);
});

Deno.test("a fault waits until enough submissions have ended", async () => {
  const pace = new Pace(3);
  const two = pace.untilEnded(2);
  pace.end();
  assert.equal(await settled(two), false);
  pace.end();
  assert.equal(await settled(two), true);
  await pace.untilEnded(1);
});
