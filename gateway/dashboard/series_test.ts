import assert from "node:assert/strict";
import { type Sample, SLOT_MS } from "./sample.ts";
import { HOUR_MS, Series } from "./series.ts";
import { Tally } from "./tally.ts";

const STATE = {
  ...{ jobs: 3, bytes: 12, oldestMs: 40, commandsPerSecond: 100, memoryBytes: 1, connections: 2 },
};

function sample(at: number, gateway: string, seen: Partial<Sample> = {}): Sample {
  const nothing = { submitted: 0, finished: {}, images: 0, batches: 0, stages: {} };
  return { at, gateway, ...nothing, state: STATE, ...seen };
}

Deno.test("a point is what all gateways saw in its slot", () => {
  const series = new Series();
  const first = { submitted: 4, finished: { succeeded: 20 }, images: 20, batches: 5 };
  series.add(sample(0, "g1", first));
  const point = series.add(sample(0, "g2", { submitted: 6, finished: { failed: 5 } }));
  assert.deepEqual(point, {
    ...{ at: 0, jobs: 3, oldestMs: 40, commandsPerSecond: 100 },
    ...{ submittedPerSecond: 1, donePerSecond: 2, failedPerSecond: 0.5, batchImages: 4 },
    ...{ queueMs: null, decodeMs: null, waitMs: null, inferMs: null, replyMs: null },
  });
  assert.deepEqual(series.points(), [point]);
});

Deno.test("a sample that was kept twice counts once", () => {
  const series = new Series();
  assert(series.add(sample(0, "g1", { finished: { succeeded: 10 } })));
  assert.equal(series.add(sample(0, "g1", { finished: { succeeded: 10 } })), undefined);
  assert.equal(series.points()[0]!.donePerSecond, 1);
});

Deno.test("what is older than an hour is forgotten, and what is asked for added up", () => {
  const series = new Series();
  const slots = [0, SLOT_MS, HOUR_MS + 2 * SLOT_MS];
  for (const at of slots) series.add(sample(at, "g1", { finished: { succeeded: 1 } }));
  const since = (from: number) => series.since(from, new Tally()).done;
  assert.deepEqual(slots.map(since), [3, 2, 1]);
  series.forget(HOUR_MS + 2 * SLOT_MS);
  assert.deepEqual(series.points().map(({ at }) => at), slots.slice(1));
});
