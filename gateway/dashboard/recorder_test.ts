import assert from "node:assert/strict";
import type { Overview } from "../../shared/overview.ts";
import { keptLog } from "../../shared/testing/kept_log.ts";
import { ManualClock } from "../../shared/testing/manual_clock.ts";
import { Recorder } from "./recorder.ts";
import { SLOT_MS } from "./sample.ts";

/** A recorder, and what it did to a deployment that has so many jobs. */
function openRecorder(): {
  readonly recorder: Recorder;
  readonly clock: ManualClock;
  readonly deployment: { jobs: number; looks: number; kept: unknown[]; fault?: Error };
} {
  const clock = new ManualClock();
  const deployment: ReturnType<typeof openRecorder>["deployment"] = { jobs: 0, looks: 0, kept: [] };
  const overviews = {
    read: () => {
      deployment.looks++;
      const { jobs } = deployment;
      const model = { model: "m", workers: 1, bytes: 0, pending: 0, oldestMs: 0 };
      return Promise.resolve<Overview>({
        readAt: 0,
        shards: [{ number: 0, breakerOpen: false, read: true }],
        models: [{ ...model, jobs, deadLetters: 0, deadBytes: 0 }],
        ...{ workers: [], gateways: [], servers: [] },
      });
    },
  };
  const append = (text: string) => {
    if (deployment.fault !== undefined) return Promise.reject(deployment.fault);
    deployment.kept.push(JSON.parse(text));
    return Promise.resolve();
  };
  const parts = { overviews, history: { append }, gateway: "g1", clock, log: keptLog() };
  return { recorder: new Recorder(parts), clock, deployment };
}

Deno.test("while nothing happens nothing is asked and nothing kept", async () => {
  const { recorder, deployment } = openRecorder();
  for (let slot = 0; slot < 10; slot++) await recorder.keep(slot * SLOT_MS);
  assert.deepEqual([deployment.looks, deployment.kept], [0, []]);
});

Deno.test("a slot is kept in which a job came, and each until none is left", async () => {
  const { recorder, deployment } = openRecorder();
  recorder.submitted();
  for (const [slot, jobs] of [1, 1, 0, 0, 0].entries()) {
    deployment.jobs = jobs;
    await recorder.keep(slot * SLOT_MS);
  }
  const kept = deployment.kept as { at: number; submitted: number; state: { jobs: number } }[];
  assert.deepEqual(
    kept.map(({ at, submitted, state }) => [at, submitted, state.jobs]),
    [[0, 1, 1], [SLOT_MS, 0, 1], [2 * SLOT_MS, 0, 0]],
  );
});

Deno.test("slots begin and end with the clock's, and a fault costs one of them alone", async () => {
  const { recorder, clock, deployment } = openRecorder();
  const stop = new AbortController();
  clock.advance(SLOT_MS + 4_000);
  const running = recorder.run(stop.signal);
  deployment.fault = new Error("away");
  recorder.submitted();
  clock.advance(SLOT_MS - 4_000);
  await clock.untilWaiting();
  delete deployment.fault;
  recorder.submitted();
  clock.advance(SLOT_MS);
  await clock.untilWaiting();
  stop.abort();
  await running;
  const kept = deployment.kept as { at: number; submitted: number }[];
  assert.deepEqual(kept.map(({ at, submitted }) => [at, submitted]), [[2 * SLOT_MS, 1]]);
});
