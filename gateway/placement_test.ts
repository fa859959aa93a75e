import assert from "node:assert/strict";
import { BrokerUnavailable } from "../shared/broker.ts";
import { systemClock } from "../shared/clock.ts";
import { type JobId, movedTo, shardOf } from "../shared/job.ts";
import { newJob } from "../shared/testing/broker.ts";
import { keptLog } from "../shared/testing/kept_log.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { Tracing } from "../shared/tracing.ts";
import { Placement } from "./placement.ts";
import { Waiters } from "./waiters.ts";

const SHARDS = 3;

interface Opened {
  readonly placement: Placement;
  readonly waiters: Waiters;
  /** Shards that were tried, in order. */
  readonly tried: number[];
}

/** Shards of which some cannot be reached; `untouched` where nothing can have come of a try. */
function open(
  { away = [], untouched = true }: { away?: number[]; untouched?: boolean } = {},
): Opened {
  const queue = { get: () => Promise.resolve(undefined), attach: () => Promise.resolve([]) };
  const waiters = new Waiters({ queue, clock: new ManualClock(), log: keptLog() });
  const tried: number[] = [];
  const submit = ({ id }: { readonly id: JobId }) => {
    tried.push(shardOf(id));
    return away.includes(shardOf(id))
      ? Promise.reject(new BrokerUnavailable("away", "no reply", { untouched }))
      : Promise.resolve({ kind: "queued", createdAt: 1 } as const);
  };
  return {
    placement: new Placement({
      queue: { shards: SHARDS, submit },
      waiters,
      tracing: new Tracing(systemClock),
    }),
    waiters,
    tried,
  };
}

function keyed(digest: string): { readonly digest: string; readonly fingerprint: string } {
  return { digest, fingerprint: "f" };
}

Deno.test("shards take turns", () => {
  const { placement } = open();
  const shards = Array.from({ length: 2 * SHARDS }, () => shardOf(placement.newId(undefined)));
  assert.deepEqual(shards, [0, 1, 2, 0, 1, 2]);
});

Deno.test("an idempotency key has a shard of its own, whosever turn it is", () => {
  const { placement } = open();
  const shardsOf = (digest: string) =>
    Array.from({ length: 4 }, () => shardOf(placement.newId(keyed(digest))));
  assert.deepEqual(shardsOf("00000004".padEnd(64, "f")), [1, 1, 1, 1]);
  assert.deepEqual(shardsOf("ffffffff".padEnd(64, "0")), [0, 0, 0, 0]);
});

Deno.test("a job whose shard cannot be reached becomes one of the next", async () => {
  const { placement, waiters, tried } = open({ away: [0, 1] });
  const job = newJob({ id: placement.newId(undefined) });
  const { waiter, submitted } = await placement.submit(job);
  assert.deepEqual(tried, [0, 1, 2]);
  assert.equal(waiter.id, movedTo(job.id, 2));
  assert.equal(submitted.kind, "queued");
  assert.deepEqual([waiters.size, waiters.countFor(waiter.id)], [1, 1]);
});

for (
  const [why, options, idempotency] of [
    ["whose key is for its shard", { away: [0] }, keyed("00000000")],
    ["that may be there already", { away: [0], untouched: false }, undefined],
    ["that no shard can take", { away: [0, 1, 2] }, undefined],
  ] as const
) {
  Deno.test(`a job ${why} is refused, and nobody waits for it`, async () => {
    const { placement, waiters, tried } = open({ ...options, away: [...options.away] });
    const id = placement.newId(idempotency);
    const job = newJob({ id, ...(idempotency !== undefined && { idempotency }) });
    await assert.rejects(placement.submit(job), BrokerUnavailable);
    assert.deepEqual(tried, options.away);
    assert.equal(waiters.size, 0);
  });
}
