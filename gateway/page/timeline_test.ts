import assert from "node:assert/strict";
import { segmentsOf } from "./timeline.ts";

Deno.test("stages follow each other, and what none accounts for is the rest", () => {
  const segments = segmentsOf({ queueMs: 2, decodeMs: 4.5, inferMs: 9.5, totalMs: 20 });
  assert.deepEqual(segments, [
    { stage: "queue", fromMs: 0, toMs: 2 },
    { stage: "decode", fromMs: 2, toMs: 6.5 },
    { stage: "infer", fromMs: 6.5, toMs: 16 },
    { stage: "rest", fromMs: 16, toMs: 20 },
  ]);
});

Deno.test("stages that were longer than the whole leave no rest", () => {
  // Each is measured by a clock of its own.
  const segments = segmentsOf({ queueMs: 2, decodeMs: null, inferMs: 10, totalMs: 11 });
  assert.deepEqual(segments.map(({ toMs }) => toMs), [2, 2, 12, 12]);
});

Deno.test("a job that no worker began has no stages", () => {
  assert.deepEqual(segmentsOf({ queueMs: null, decodeMs: null, inferMs: null, totalMs: 30 }), []);
});
