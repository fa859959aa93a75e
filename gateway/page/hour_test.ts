import assert from "node:assert/strict";
import type { Point } from "../dashboard/view.ts";
import { Hour, type Slot, SLOT_MS } from "./hour.ts";

/** A slot at its beginning. */
const NOW = 1_000 * SLOT_MS;

function point(slotsAgo: number, jobs: number | null): Point {
  return {
    ...{ at: NOW - slotsAgo * SLOT_MS, jobs, oldestMs: 5, commandsPerSecond: 7 },
    ...{ submittedPerSecond: 1, donePerSecond: 2, failedPerSecond: 3, batchImages: 4 },
    ...{ queueMs: 1, decodeMs: 2, waitMs: 3, inferMs: 4, replyMs: 5 },
  };
}

/** The last slots, by one of their numbers. */
function last(hour: Hour, count: number, name: keyof Slot): (number | null)[] {
  return hour.slots(NOW).slice(-count).map((slot) => slot[name]);
}

Deno.test("an hour has a slot for each ten seconds of it, up to now", () => {
  const slots = new Hour().slots(NOW + 1);
  assert.deepEqual([slots.length, slots[0]!.at, slots.at(-1)!.at], [361, NOW - 3_600_000, NOW]);
});

Deno.test("where nobody noted anything, nothing happened, unless there were jobs before", () => {
  const hour = new Hour();
  hour.add([point(7, 0), point(4, 3), point(2, 0)]);
  // What the slot under way has, nobody can say yet.
  assert.deepEqual(last(hour, 9, "jobs"), [0, 0, 0, 0, 3, null, 0, 0, null]);
  assert.deepEqual(last(hour, 9, "donePerSecond"), [0, 2, 0, 0, 2, null, 2, 0, null]);
  assert.deepEqual(last(hour, 9, "queueMs"), [null, 1, null, null, 1, null, 1, null, null]);
});

Deno.test("what is seen while somebody looks is shown where nobody noted anything", () => {
  const hour = new Hour();
  const server = { shard: 0, version: "7", memoryBytes: 1, memoryBytesMax: 0, connections: 1 };
  const servers = [10, 20].map((commandsPerSecond) => ({
    ...server,
    commands: 1,
    commandsPerSecond,
  }));
  hour.add([point(1, 4)]);
  for (const at of [NOW - SLOT_MS, NOW]) hour.look({ at, jobs: 9, oldestMs: 8, servers });
  assert.deepEqual(last(hour, 2, "jobs"), [4, 9]);
  assert.deepEqual(last(hour, 2, "commandsPerSecond"), [7, 30]);
});

Deno.test("a later look is not lost to what was noted an hour ago", () => {
  const hour = new Hour();
  hour.add([point(361, 5)]);
  hour.look({ at: NOW, jobs: 0, oldestMs: 0, servers: [] });
  assert.equal(hour.slots(NOW).every(({ jobs }) => jobs === 0), true);
});
