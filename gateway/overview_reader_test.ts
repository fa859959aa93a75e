import assert from "node:assert/strict";
import type { Overview } from "../shared/overview.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { OVERVIEW_FRESH_MS, OverviewReader } from "./overview_reader.ts";

/** A reader of overviews that come when the test lets them. */
function openReader(): {
  clock: ManualClock;
  asked: PromiseWithResolvers<Overview>[];
  reader: OverviewReader;
} {
  const clock = new ManualClock();
  const asked: PromiseWithResolvers<Overview>[] = [];
  const overviews = {
    read: () => {
      asked.push(Promise.withResolvers());
      return asked.at(-1)!.promise;
    },
  };
  return { clock, asked, reader: new OverviewReader({ overviews, clock }) };
}

const overview = (readAt: number): Overview => ({
  readAt,
  shards: [],
  models: [],
  workers: [],
  gateways: [],
  servers: [],
});

Deno.test("all who look within a second share one look, and nobody looks by himself", async () => {
  const { clock, asked, reader } = openReader();
  clock.advance(60_000);
  assert.equal(asked.length, 0);
  const first = Array.from({ length: 100 }, () => reader.read());
  assert.equal(asked.length, 1);
  asked[0]!.resolve(overview(1));
  for (const each of await Promise.all(first)) assert.equal(each.readAt, 1);
  clock.advance(OVERVIEW_FRESH_MS - 1);
  assert.equal((await reader.read()).readAt, 1);
  clock.advance(1);
  const second = reader.read();
  asked[1]!.resolve(overview(2));
  assert.equal((await second).readAt, 2);
  assert.equal(asked.length, 2);
});

Deno.test("a look that takes longer is waited for, not doubled", async () => {
  const { clock, asked, reader } = openReader();
  const first = reader.read();
  clock.advance(5 * OVERVIEW_FRESH_MS);
  const second = reader.read();
  assert.equal(asked.length, 1);
  asked[0]!.resolve(overview(1));
  assert.equal((await first).readAt, 1);
  assert.equal((await second).readAt, 1);
});
