import assert from "node:assert/strict";
import { type Clock, systemClock } from "./clock.ts";
import { ManualClock } from "./testing/manual_clock.ts";

const forever = new AbortController().signal;

/** The real clock passes time by itself; a manual one is pushed. */
const clocks: [name: string, open: () => { clock: Clock; pass: (ms: number) => void }][] = [
  ["system clock", () => ({ clock: systemClock, pass: () => {} })],
  ["manual clock", () => {
    const clock = new ManualClock();
    return { clock, pass: (ms) => clock.advance(ms) };
  }],
];

for (const [name, open] of clocks) {
  Deno.test(`${name} sleeps for the time it was told`, async () => {
    const { clock, pass } = open();
    const began = clock.now();
    const asleep = clock.sleep(10, forever);
    pass(10);
    await asleep;
    // The timer counts whole milliseconds.
    assert(clock.now() - began >= 9);
  });

  Deno.test(`${name} wakes at once when the signal aborts`, async () => {
    const { clock } = open();
    const stop = new AbortController();
    const asleep = clock.sleep(1_000_000, stop.signal);
    stop.abort();
    await asleep;
    await clock.sleep(1_000_000, stop.signal);
  });

  Deno.test(`${name} calls back once, in the order of times, unless cancelled`, async () => {
    const { clock, pass } = open();
    const called: string[] = [];
    const { promise: last, resolve } = Promise.withResolvers<void>();
    clock.after(3, () => called.push("second"));
    clock.after(1, () => called.push("first"));
    clock.after(2, () => called.push("cancelled"))();
    clock.after(6, resolve);
    pass(6);
    await last;
    assert.deepEqual(called, ["first", "second"]);
  });
}

Deno.test("system clock's wall time is that of the machine", () => {
  const before = Date.now();
  const wall = systemClock.wall();
  assert(before <= wall && wall <= Date.now());
});

Deno.test("manual clock has nothing waiting once time has passed or a sleeper was woken", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const asleep = [clock.sleep(5, forever), clock.sleep(50, stop.signal)];
  await clock.untilWaiting(2);
  clock.advance(5);
  assert.equal(clock.now(), 5);
  assert.equal(clock.waiting, 1);
  stop.abort();
  await Promise.all(asleep);
  assert.equal(clock.waiting, 0);
});
