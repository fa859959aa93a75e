import assert from "node:assert/strict";
import { BrokerUnavailable, type Delivery } from "../shared/broker.ts";
import { keptLog } from "../shared/testing/kept_log.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { WorkerMetrics } from "./metrics.ts";
import { Recoverer } from "./recoverer.ts";
import { testDelivery } from "./testing/jobs.ts";

const CLAIM_IDLE_MS = 1_000;

/** What the source says at each look, the last one for ever: a silence, or a failure. */
type Look = number | Error;

function open(looks: Look[], claimable: Delivery[] = []): Opened {
  const clock = new ManualClock();
  const log = keptLog();
  const recovered: Delivery[] = [];
  const lookedAt: number[] = [];
  const recoverer = new Recoverer({
    source: {
      longestIdle: () => {
        lookedAt.push(clock.now());
        const look = looks.length > 1 ? looks.shift()! : looks[0]!;
        return look instanceof Error ? Promise.reject(look) : Promise.resolve(look);
      },
      claim: () => ReadableStream.from(claimable.splice(0)),
    },
    recover: (delivery) => Promise.resolve(void recovered.push(delivery)),
    metrics: new WorkerMetrics(),
    claimIdleMs: CLAIM_IDLE_MS,
    clock,
    log,
  });
  return { recoverer, clock, log, recovered, lookedAt };
}

interface Opened {
  readonly recoverer: Recoverer;
  readonly clock: ManualClock;
  readonly log: ReturnType<typeof keptLog>;
  readonly recovered: Delivery[];
  /** When the source was asked for the longest silence. */
  readonly lookedAt: number[];
}

/** Runs the recoverer while some steps are made. */
async function running(
  { recoverer }: Opened,
  steps: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const run = recoverer.run(stop.signal);
  await steps();
  stop.abort();
  await run;
}

const signal = new AbortController().signal;

Deno.test("recoverer takes over what is silent for the claim idle time", async () => {
  const deliveries = [testDelivery(), testDelivery()];
  const { recoverer, recovered, log } = open([CLAIM_IDLE_MS, 0], [...deliveries]);
  assert.equal(await recoverer.runOnce(signal), 0);
  assert.deepEqual(recovered, deliveries);
  assert.deepEqual(log.lines.map(({ fields }) => fields.job), deliveries.map(({ id }) => id));
});

Deno.test("recoverer claims nothing before its time, and comes back exactly then", async () => {
  const { recoverer, recovered } = open([700], [testDelivery()]);
  assert.equal(await recoverer.runOnce(signal), 300);
  assert.deepEqual(recovered, []);
});

Deno.test("recoverer stops claiming when it is told to drain", async () => {
  const stop = new AbortController();
  const { recoverer, recovered } = open([CLAIM_IDLE_MS], [testDelivery(), testDelivery()]);
  stop.abort();
  await recoverer.runOnce(stop.signal);
  assert.equal(recovered.length, 1);
});

Deno.test("recoverer looks once in a claim idle time where there is nothing", async () => {
  const opened = open([0]);
  await running(opened, async () => {
    for (let looks = 0; looks < 3; looks++) {
      await opened.clock.untilWaiting();
      opened.clock.advance(CLAIM_IDLE_MS);
    }
    await opened.clock.untilWaiting();
  });
  assert.deepEqual(opened.lookedAt, [0, 1_000, 2_000, 3_000]);
});

Deno.test("recoverer looks when a job that was put off is due", async () => {
  const opened = open([0]);
  await running(opened, async () => {
    await opened.clock.untilWaiting();
    opened.recoverer.lookAfter(200);
    opened.recoverer.lookAfter(300);
    // Woken, it looks at once and then sleeps until the earlier of the two.
    while (opened.lookedAt.length < 2) await Promise.resolve();
    await opened.clock.untilWaiting();
    opened.clock.advance(200);
    await opened.clock.untilWaiting();
  });
  assert.deepEqual(opened.lookedAt, [0, 0, 200]);
});

Deno.test("recoverer survives a broker that is away, and says so", async () => {
  const opened = open([new BrokerUnavailable("away", "Command timed out"), 0]);
  await running(opened, async () => {
    await opened.clock.untilWaiting();
    opened.clock.advance(CLAIM_IDLE_MS / 2);
    await opened.clock.untilWaiting();
  });
  assert.deepEqual(opened.lookedAt, [0, 500]);
  assert.deepEqual(opened.log.lines.map(({ level, message }) => [level, message]), [
    ["warn", "recovery failed, trying again later"],
  ]);
});
