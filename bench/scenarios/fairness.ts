/**
 * One API key floods, another asks now and then: how long the other waits alone, beside the flood in
 * a lane of its own, and behind it in one lane.
 *
 * @module
 */
import { join } from "node:path";
import { quantile, type Share, shares } from "../numbers.ts";
import type { Cell, Scenario, Stage } from "../scenario.ts";
import { BATCH_MAX, DELAY_MS, startSlowWeir, TWICE_PER_SECOND } from "../slow_weir.ts";
import { accepted, putSteadyLoad, type Reply, statuses } from "../steady_load.ts";

const QUIET_PER_SECOND = 4;
const SECONDS = 40;
/** Longest wait with which a request is taken: the flood's queue grows to that. */
const WAIT_MAX_MS = 5000;

/** Names that are in different lanes. */
const [FLOOD, QUIET] = ["flood", "quiet"];

export const fairness: Scenario = async (stage) => {
  const seconds = stage.quick ? 2 : SECONDS;
  await using slow = await startSlowWeir(stage, [FLOOD, QUIET], WAIT_MAX_MS);
  const { weir, keys } = slow;
  const photo = await Deno.readFile(join(stage.root, "fixtures/photos/star.jpg"));
  const ask = (name: string, perSecond: number, seconds: number) =>
    putSteadyLoad({
      ...{ url: weir.urls[0]!, key: keys.key(name), photo, perSecond, seconds },
      ...{ clock: stage.clock, signal: stage.signal },
    });
  stage.progress(0, "alone");
  const alone = await ask(QUIET, QUIET_PER_SECOND, seconds);
  stage.progress(1 / 3, "beside a flood");
  const beside = await besideFlood(stage, ask, QUIET, seconds);
  stage.progress(2 / 3, "in one lane with a flood");
  const behind = await besideFlood(stage, ask, FLOOD, seconds);
  return {
    method: `A key asks ${QUIET_PER_SECOND} times a second, for ${seconds} s each time; another ` +
      `one ${TWICE_PER_SECOND} times, twice what an engine that takes ${DELAY_MS} ms for an ` +
      `image can serve; batches of ${BATCH_MAX}, Redis with AOF, everysec.`,
    tables: [{
      title: "Waits of the key that asks now and then",
      columns: ["", "p50 ms", "p99 ms", "answers by status"],
      rows: [
        row("alone", alone),
        row("beside the flood, in a lane of its own", beside),
        row("behind the flood, in one lane", behind),
      ],
    }],
    plots: [{
      title: "Share of that key's requests that are answered within",
      x: "ms",
      y: "%",
      logarithmic: true,
      series: [
        { name: "alone", points: sharesOf(alone) },
        { name: "beside the flood", points: sharesOf(beside) },
        { name: "behind the flood", points: sharesOf(behind) },
      ],
    }],
    figures: [
      {
        name: "p99 beside a flood: as alone and two batches",
        value: p99(beside),
        goal: { atMost: Math.round(p99(alone) + 2 * BATCH_MAX * DELAY_MS) },
        unit: "ms",
      },
      {
        name: "requests beside a flood that are not answered",
        value: beside.length - accepted(beside).length,
        goal: { atMost: 0 },
        unit: "",
      },
    ],
  };
};

type Ask = (name: string, perSecond: number, seconds: number) => Promise<Reply[]>;

/** Asks with a key while the other floods, once its queue is as long as it gets. */
async function besideFlood(
  { clock, signal }: Stage,
  ask: Ask,
  name: string,
  seconds: number,
): Promise<Reply[]> {
  const fillMs = 2 * WAIT_MAX_MS;
  const flooding = ask(FLOOD, TWICE_PER_SECOND, fillMs / 1000 + seconds);
  await clock.sleep(fillMs, signal);
  const replies = await ask(name, QUIET_PER_SECOND, seconds);
  await flooding;
  return replies;
}

function row(what: string, replies: readonly Reply[]): Cell[] {
  const waits = accepted(replies).map(({ ms }) => ms);
  return [what, quantile(waits, 0.5), p99(replies), statuses(replies)];
}

function sharesOf(replies: readonly Reply[]): Share[] {
  return shares(accepted(replies).map(({ ms }) => ms));
}

function p99(replies: readonly Reply[]): number {
  return quantile(accepted(replies).map(({ ms }) => ms), 0.99);
}
