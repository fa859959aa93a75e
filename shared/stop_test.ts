import assert from "node:assert/strict";
import { StopSwitch } from "./stop.ts";
import { ManualClock } from "./testing/manual_clock.ts";

interface Opened {
  readonly stop: StopSwitch;
  readonly clock: ManualClock;
  /** Whether it drains, has given up, and was ended at once so often. */
  state(): [boolean, boolean, number];
}

function open(delayMs = 0): Opened {
  const clock = new ManualClock();
  let ends = 0;
  const stop = new StopSwitch({ delayMs, drainMs: 5_000, clock, atOnce: () => void ends++ });
  return { stop, clock, state: () => [stop.drain.aborted, stop.giveUp.aborted, ends] };
}

Deno.test("stop drains at the first signal, and gives up when the time for it is over", () => {
  const { stop, clock, state } = open();
  assert.deepEqual(state(), [false, false, 0]);
  stop.signal();
  assert.deepEqual(state(), [true, false, 0]);
  clock.advance(4_999);
  assert.deepEqual(state(), [true, false, 0]);
  clock.advance(1);
  assert.deepEqual(state(), [true, true, 0]);
});

Deno.test("stop gives up at the second signal", () => {
  const { stop, clock, state } = open();
  stop.signal();
  clock.advance(200);
  stop.signal();
  assert.deepEqual(state(), [true, true, 1]);
});

Deno.test("stop takes signals that come together for one", () => {
  const { stop, clock, state } = open();
  stop.signal();
  clock.advance(199);
  stop.signal();
  assert.deepEqual(state(), [true, false, 0]);
});

Deno.test("stop with a delay leaves first, and has all its time to drain after it", () => {
  const { stop, clock, state } = open(2_000);
  stop.signal();
  clock.advance(1_999);
  assert.deepEqual([stop.leave.aborted, ...state()], [true, false, false, 0]);
  clock.advance(1);
  assert.deepEqual(state(), [true, false, 0]);
  clock.advance(4_999);
  assert.deepEqual(state(), [true, false, 0]);
  clock.advance(1);
  assert.deepEqual(state(), [true, true, 0]);
});

Deno.test("stop gives up at the second signal, although it still leaves", () => {
  const { stop, clock, state } = open(2_000);
  stop.signal();
  clock.advance(200);
  stop.signal();
  assert.deepEqual(state(), [true, true, 1]);
});

Deno.test("stop takes the end of its parent for a signal, unless one came before", () => {
  const { stop, clock, state } = open();
  stop.orphaned();
  assert.deepEqual(state(), [true, false, 0]);
  clock.advance(200);
  stop.orphaned();
  assert.deepEqual(state(), [true, false, 0]);
});
