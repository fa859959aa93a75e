import assert from "node:assert/strict";
import { FAULT_KINDS, planFaults } from "./plan.ts";

Deno.test("the same seed gives the same faults, another one others", () => {
  const plan = planFaults({ seed: 7, faults: 40, lastAt: 1000 });
  assert.deepEqual(planFaults({ seed: 7, faults: 40, lastAt: 1000 }), plan);
  assert.notDeepEqual(planFaults({ seed: 8, faults: 40, lastAt: 1000 }), plan);
});

Deno.test("no kind of fault comes twice more often than another", () => {
  const plan = planFaults({ seed: 1, faults: 3 * FAULT_KINDS.length + 2, lastAt: 1000 });
  const counts = FAULT_KINDS.map((kind) => plan.filter((fault) => fault.kind === kind).length);
  assert.equal(Math.min(...counts), 3);
  assert.equal(Math.max(...counts), 4);
});

Deno.test("faults are spread over the run, the last one before its end", () => {
  const plan = planFaults({ seed: 1, faults: 5, lastAt: 100 });
  assert.deepEqual(plan.map(({ at }) => at), [20, 40, 60, 80, 100]);
});
