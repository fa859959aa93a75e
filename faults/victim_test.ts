import assert from "node:assert/strict";
import { pickVictim, RUNNING_MIN } from "./victim.ts";

const victim = (name: string, running: number) => ({ name, running, members: [] });

Deno.test("a fault hits one of those with enough jobs, by the number drawn", () => {
  const candidates = [
    victim("a", RUNNING_MIN),
    victim("b", RUNNING_MIN - 1),
    victim("c", RUNNING_MIN + 5),
  ];
  assert.equal(pickVictim(candidates, 0)?.name, "a");
  assert.equal(pickVictim(candidates, 0.49)?.name, "a");
  assert.equal(pickVictim(candidates, 0.5)?.name, "c");
  assert.equal(pickVictim(candidates, 0.999)?.name, "c");
});

Deno.test("where nobody has enough jobs, a fault hits the busiest, or nobody", () => {
  assert.equal(pickVictim([victim("a", 0), victim("b", 3)], 0)?.name, "b");
  assert.equal(pickVictim([], 0), undefined);
});
