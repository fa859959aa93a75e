import assert from "node:assert/strict";
import { RedisHistory } from "../../shared/redis/history.ts";
import { RedisOverviews } from "../../shared/redis/overview.ts";
import { type Broker, bury, openBroker, submit } from "../../shared/testing/broker.ts";
import { keptLog } from "../../shared/testing/kept_log.ts";
import { ManualClock } from "../../shared/testing/manual_clock.ts";
import { commandCalls } from "../../shared/testing/redis.ts";
import type { StreamListener } from "../events/event_streams.ts";
import { type Dashboard, LOOK_MS } from "./dashboard.ts";
import { openWatch } from "./mod.ts";
import { Recorder } from "./recorder.ts";
import { SLOT_MS } from "./sample.ts";
import type { Point, View } from "./view.ts";

/** Somebody who looks. */
class Viewer implements StreamListener {
  readonly views: View[] = [];
  readonly points: Point[] = [];
  #news = Promise.withResolvers<void>();

  send(chunk: Uint8Array): void {
    const [, name, data] = /^event: (\w+)\ndata: (.*)\n\n$/.exec(new TextDecoder().decode(chunk))!;
    if (name === "view") this.views.push(JSON.parse(data!));
    else this.points.push(...JSON.parse(data!));
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  events(): void {}
  end(): void {}

  /** Waits for so many views. */
  async seen(views: number): Promise<void> {
    while (this.views.length < views) await this.#news.promise;
  }
}

function dashboardOf(broker: Broker, clock: ManualClock): Dashboard {
  const parts = {
    overviews: new RedisOverviews({ shards: broker.shards, clock }),
    history: new RedisHistory(broker.shards.common),
    letters: broker.letters,
    admission: { jobsMax: 100, bytesMax: 1_000 },
    gateway: "g1",
    clock,
    log: keptLog(),
  };
  return openWatch({ ...parts, recorder: new Recorder(parts) }).dashboard;
}

/** Commands that some looks cost while so many look. */
async function costOf(broker: Broker, viewers: number): Promise<Map<string, number>> {
  const clock = new ManualClock();
  const dashboard = dashboardOf(broker, clock);
  const all = Array.from({ length: viewers }, () => new Viewer());
  using watched = new DisposableStack();
  for (const viewer of all) watched.use(dashboard.watch()).listen(viewer);
  for (const viewer of all) await viewer.seen(1);
  await clock.untilWaiting();
  await broker.redis.client.config("RESETSTAT");
  for (let looks = 2; looks <= 4; looks++) {
    clock.advance(LOOK_MS);
    for (const viewer of all) await viewer.seen(looks);
    await clock.untilWaiting();
  }
  const calls = await commandCalls(broker.redis.client);
  // The readers of streams are not the dashboard's.
  for (const name of ["config|resetstat", "xread", "xreadgroup"]) calls.delete(name);
  return calls;
}

Deno.test("twenty viewers cost Redis what one does", async () => {
  await using broker = await openBroker();
  await submit(broker);
  const one = await costOf(broker, 1);
  assert(one.size > 3 && (one.get("xrange") ?? 0) >= 3, JSON.stringify([...one]));
  assert.deepEqual(await costOf(broker, 20), one);
});

Deno.test("when the last viewer leaves, nothing more is asked", async () => {
  await using broker = await openBroker();
  const clock = new ManualClock();
  const dashboard = dashboardOf(broker, clock);
  assert.equal(clock.waiting, 0);
  const [first, second] = [new Viewer(), new Viewer()];
  const [one, two] = [dashboard.watch(), dashboard.watch()];
  one.listen(first);
  await first.seen(1);
  two.listen(second);
  // Whoever joins is told at once.
  await second.seen(1);
  await clock.untilWaiting();
  one[Symbol.dispose]();
  assert.deepEqual([dashboard.size, clock.waiting], [1, 1]);
  two[Symbol.dispose]();
  assert.deepEqual([dashboard.size, clock.waiting], [0, 0]);
});

Deno.test("the last hour is there for a gateway that has just been started", async () => {
  await using broker = await openBroker();
  const history = new RedisHistory(broker.shards.common);
  for (const at of [0, SLOT_MS]) {
    const seen = { submitted: 10, finished: { succeeded: 20 }, images: 20, batches: 4, stages: {} };
    await history.append(JSON.stringify({ at, gateway: "g0", ...seen }));
  }
  await history.append(JSON.stringify({ kept: "by another version" }));
  const clock = new ManualClock();
  clock.advance(2 * SLOT_MS);
  using watched = dashboardOf(broker, clock).watch();
  const viewer = new Viewer();
  watched.listen(viewer);
  await viewer.seen(1);
  assert.deepEqual(
    viewer.points.map(({ at, donePerSecond, batchImages }) => [at, donePerSecond, batchImages]),
    [[0, 2, 5], [SLOT_MS, 2, 5]],
  );
  assert.equal(viewer.views[0]!.donePerSecond, 40 / 60);
});

Deno.test("dead letters are read when there are others, and at once when one leaves", async () => {
  await using broker = await openBroker();
  const letter = await bury(broker);
  const clock = new ManualClock();
  const dashboard = dashboardOf(broker, clock);
  using watched = dashboard.watch();
  const viewer = new Viewer();
  watched.listen(viewer);
  await viewer.seen(1);
  const { total, newest } = viewer.views[0]!.letters;
  assert.deepEqual([total, newest.map(({ id }) => id)], [1, [letter]]);
  await broker.letters.discard(letter);
  await dashboard.refresh();
  assert.deepEqual(viewer.views.at(-1)!.letters, { total: 0, newest: [] });
});
