import assert from "node:assert/strict";
import { loop } from "./loop.ts";
import { keptLog } from "./testing/kept_log.ts";
import { ManualClock } from "./testing/manual_clock.ts";

const PERIOD_MS = 1_000;

interface RunningLoop extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly log: ReturnType<typeof keptLog>;
  /** Lets one period pass and waits until the loop has run and sleeps again. */
  period(): Promise<void>;
}

function startLoop(runOnce: () => Promise<void>): RunningLoop {
  const clock = new ManualClock();
  const log = keptLog();
  const stop = new AbortController();
  const running = loop({ name: "sweep", periodMs: PERIOD_MS, clock, log }, stop.signal, runOnce);
  return {
    clock,
    log,
    async period(): Promise<void> {
      await clock.untilWaiting();
      clock.advance(PERIOD_MS);
      await clock.untilWaiting();
    },
    async [Symbol.asyncDispose](): Promise<void> {
      stop.abort();
      await running;
    },
  };
}

Deno.test("loop runs once a period, the first time after one", async () => {
  let runs = 0;
  await using running = startLoop(() => Promise.resolve(void runs++));
  await running.clock.untilWaiting();
  running.clock.advance(PERIOD_MS - 1);
  assert.equal(runs, 0);
  running.clock.advance(1);
  await running.clock.untilWaiting();
  assert.equal(runs, 1);
  await running.period();
  assert.equal(runs, 2);
});

Deno.test("loop does not count a long run's time as rest", async () => {
  const finish = Promise.withResolvers<void>();
  let runs = 0;
  await using running = startLoop(() => ++runs === 1 ? finish.promise : Promise.resolve());
  await running.clock.untilWaiting();
  running.clock.advance(5 * PERIOD_MS);
  finish.resolve();
  await running.clock.untilWaiting();
  assert.equal(runs, 1);
  await running.period();
  assert.equal(runs, 2);
});

Deno.test("loop survives a run that fails, and says so", async () => {
  let runs = 0;
  await using running = startLoop(() => {
    runs++;
    return runs === 1 ? Promise.reject(new Error("no luck")) : Promise.resolve();
  });
  await running.period();
  await running.period();
  assert.equal(runs, 2);
  assert.deepEqual(running.log.lines, [{
    level: "warn",
    message: "sweep failed, trying again later",
    fields: { error: "Error: no luck" },
  }]);
});

Deno.test("loop that is aborted asleep ends without another run", async () => {
  let runs = 0;
  const running = startLoop(() => Promise.resolve(void runs++));
  await running.clock.untilWaiting();
  await running[Symbol.asyncDispose]();
  assert.equal(runs, 0);
  assert.equal(running.clock.waiting, 0);
});

Deno.test("loop that is aborted at work ends with that run", async () => {
  const begun = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  let runs = 0;
  const running = startLoop(() => {
    runs++;
    begun.resolve();
    return finish.promise;
  });
  await running.clock.untilWaiting();
  running.clock.advance(PERIOD_MS);
  await begun.promise;
  const ended = running[Symbol.asyncDispose]();
  finish.resolve();
  await ended;
  assert.equal(runs, 1);
  assert.equal(running.clock.waiting, 0);
});
