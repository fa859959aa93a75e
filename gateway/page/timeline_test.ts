import assert from "node:assert/strict";
import { stagesOf } from "./timeline.ts";

Deno.test("stages follow each other, and what none accounts for is the rest", () => {
  const stages = stagesOf({ queueMs: 2, decodeMs: 4.5, inferMs: 9.5, totalMs: 20 });
  assert.deepEqual(stages, [
    { name: "queue", fromMs: 0, ms: 2 },
    { name: "decode", fromMs: 2, ms: 4.5 },
    { name: "infer", fromMs: 6.5, ms: 9.5 },
    { name: "rest", fromMs: 16, ms: 4 },
  ]);
});

Deno.test("stages that were longer than the whole leave no rest", () => {
  // Each is measured by a clock of its own.
  const stages = stagesOf({ queueMs: 2, decodeMs: null, inferMs: 10, totalMs: 11 });
  assert.deepEqual(stages.map(({ ms }) => ms), [2, 0, 10, 0]);
});

Deno.test("a job that no worker began has no stages", () => {
  assert.deepEqual(stagesOf({ queueMs: null, decodeMs: null, inferMs: null, totalMs: 30 }), []);
});
