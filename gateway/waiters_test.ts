import assert from "node:assert/strict";
import {
  type Attachment,
  BrokerUnavailable,
  type FeedItem,
  type JobEvent,
  type ResultFeed,
} from "../shared/broker.ts";
import type { JobId, JobRecord, JobState } from "../shared/job.ts";
import { newJob } from "../shared/testing/broker.ts";
import { type KeptLog, keptLog } from "../shared/testing/kept_log.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { type Hearer, type Waiter, Waiters } from "./waiters.ts";

const TIMEOUT_MS = 1_000;
const RECHECK_PAUSE_MS = 500;
const nobodyLeaves = new AbortController().signal;

function newId(): JobId {
  return newJob().id;
}

function recordOf(id: JobId, state: JobState = "succeeded"): JobRecord {
  return {
    id,
    owner: "",
    model: "shapes",
    state,
    createdAt: 0,
    deadlineAt: TIMEOUT_MS,
    attempts: 1,
    images: { total: 1, done: 0 },
    timings: {},
  };
}

function eventOf(id: JobId, state?: JobState): JobEvent {
  return { id, record: recordOf(id, state), from: 0 };
}

/** A feed that yields what the test gives it. */
class GivenFeed implements ResultFeed {
  readonly #stream = new TransformStream<FeedItem, FeedItem>();
  readonly #writer = this.#stream.writable.getWriter();

  items(_signal: AbortSignal): AsyncIterable<FeedItem> {
    return this.#stream.readable;
  }

  /** Resolves when the item has been taken. */
  async give(item: FeedItem): Promise<void> {
    await this.#writer.write(item);
  }

  async end(): Promise<void> {
    await this.#writer.close();
  }
}

interface Opened extends AsyncDisposable {
  readonly waiters: Waiters;
  readonly clock: ManualClock;
  readonly log: KeptLog;
  readonly feed: GivenFeed;
  readonly records: Map<JobId, JobRecord>;
  /** Ids of each round trip. */
  readonly reads: (readonly JobId[])[];
  /** What was attached, one by one. */
  readonly attached: Attachment[];
  /** Makes reading fail. */
  away: boolean;
  readonly stop: AbortController;
  /** Registers a waiter for a submitted job. */
  register(id: JobId): Waiter;
  /** Tells of an outcome, or how far a job has come. */
  tell(id: JobId, state?: JobState): Promise<void>;
}

function open(): Opened {
  const [clock, log, feed] = [new ManualClock(), keptLog(), new GivenFeed()];
  const records = new Map<JobId, JobRecord>();
  const reads: (readonly JobId[])[] = [];
  const attached: Attachment[] = [];
  const read = (ids: readonly JobId[]): Promise<(JobRecord | undefined)[]> => {
    reads.push(ids);
    if (opened.away) return Promise.reject(new BrokerUnavailable("away", "Command timed out"));
    return Promise.resolve(ids.map((id) => records.get(id)));
  };
  const attach = (asked: readonly Attachment[]) => {
    attached.push(...asked);
    return read(asked.map(({ id }) => id));
  };
  const queue = { attach, get: async (id: JobId) => (await read([id]))[0] };
  const waiters = new Waiters({ queue, clock, log });
  const stop = new AbortController();
  const following = waiters.follow(feed, stop.signal);
  const opened: Opened = {
    waiters,
    clock,
    log,
    feed,
    records,
    reads,
    attached,
    away: false,
    stop,
    register: (id) => {
      const waiter = waiters.register(id);
      waiter.submitted = true;
      return waiter;
    },
    tell: (id, state) => feed.give({ kind: "event", event: eventOf(id, state), ours: true }),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await feed.end();
      await following;
    },
  };
  return opened;
}

Deno.test("waiter gets the outcome that comes while it waits, and redis is not asked", async () => {
  await using opened = open();
  const id = newId();
  using waiter = opened.register(id);
  const waited = waiter.wait(TIMEOUT_MS, nobodyLeaves);
  await opened.tell(newId());
  await opened.tell(id);
  assert.deepEqual(await waited, { kind: "final", record: recordOf(id) });
  assert.deepEqual([opened.reads, opened.waiters.fallbacks], [[], 0]);
  assert.equal(opened.clock.waiting, 0);
});

Deno.test("waiter gets the outcome that came before it waited", async () => {
  await using opened = open();
  const id = newId();
  using waiter = opened.register(id);
  await opened.tell(id);
  assert.deepEqual(await waiter.wait(TIMEOUT_MS, nobodyLeaves), {
    kind: "final",
    record: recordOf(id),
  });
  assert.equal(opened.waiters.fallbacks, 0);
});

Deno.test("all who wait for one job get its outcome", async () => {
  await using opened = open();
  const id = newId();
  using first = opened.register(id);
  using second = opened.register(id);
  assert.deepEqual([opened.waiters.size, opened.waiters.countFor(id)], [2, 2]);
  const waits = [first, second].map((waiter) => waiter.wait(TIMEOUT_MS, nobodyLeaves));
  await opened.tell(id);
  assert.deepEqual((await Promise.all(waits)).map(({ kind }) => kind), ["final", "final"]);
});

for (
  const [state, kind] of [["succeeded", "final"], ["running", "pending"], [
    undefined,
    "gone",
  ]] as const
) {
  Deno.test(`waiter whose time is over reads the record once more: ${state} is ${kind}`, async () => {
    await using opened = open();
    const id = newId();
    if (state !== undefined) opened.records.set(id, recordOf(id, state));
    using waiter = opened.register(id);
    const waited = waiter.wait(TIMEOUT_MS, nobodyLeaves);
    opened.clock.advance(TIMEOUT_MS - 1);
    assert.deepEqual(opened.reads, []);
    opened.clock.advance(1);
    assert.equal((await waited).kind, kind);
    assert.deepEqual(opened.reads, [[id]]);
    assert.equal(opened.waiters.fallbacks, 1);
  });
}

Deno.test("waiter whose last look fails says so", async () => {
  await using opened = open();
  using waiter = opened.register(newId());
  opened.away = true;
  const waited = waiter.wait(TIMEOUT_MS, nobodyLeaves);
  opened.clock.advance(TIMEOUT_MS);
  await assert.rejects(waited, BrokerUnavailable);
});

Deno.test("waiter whose client leaves ends at once, as one whose client had left before", async () => {
  await using opened = open();
  const client = new AbortController();
  using waiter = opened.register(newId());
  using late = opened.register(newId());
  const waited = waiter.wait(TIMEOUT_MS, client.signal);
  client.abort();
  assert.deepEqual(await waited, { kind: "left" });
  assert.deepEqual(await late.wait(TIMEOUT_MS, client.signal), { kind: "left" });
  assert.equal(opened.clock.waiting, 0);
});

Deno.test("waiter that got its outcome keeps it, whatever comes after", async () => {
  await using opened = open();
  const id = newId();
  const client = new AbortController();
  using waiter = opened.register(id);
  await opened.tell(id);
  waiter.end({ kind: "gone" });
  client.abort();
  assert.equal((await waiter.wait(TIMEOUT_MS, client.signal)).kind, "final");
});

Deno.test("after a gap all waiters' records are read in one round trip", async () => {
  await using opened = open();
  const { records, reads, waiters } = opened;
  const [done, running, lost] = [newId(), newId(), newId()];
  records.set(done, recordOf(done));
  records.set(running, recordOf(running, "running"));
  const all = [done, done, running, lost].map((id) => opened.register(id));
  const waits = all.map((waiter) => waiter.wait(TIMEOUT_MS, nobodyLeaves));
  await opened.feed.give({ kind: "gap", shard: 0, reason: "connection lost" });
  assert.deepEqual(await Promise.all([waits[0], waits[1], waits[3]]), [
    { kind: "final", record: recordOf(done) },
    { kind: "final", record: recordOf(done) },
    { kind: "gone" },
  ]);
  assert.deepEqual(reads, [[done, running, lost]]);
  assert.equal(waiters.fallbacks, 3);
  await opened.tell(running);
  assert.equal((await waits[2])?.kind, "final");
  assert.equal(reads.length, 1);
  for (const waiter of all) waiter[Symbol.dispose]();
});

Deno.test("after a gap the records of a thousand waiters are read in several round trips", async () => {
  await using opened = open();
  const { feed, records, reads, clock } = opened;
  const ids = Array.from({ length: 1_000 }, newId);
  for (const id of ids) records.set(id, recordOf(id));
  const waiters = ids.map((id) => opened.register(id));
  opened.away = true;
  const given = feed.give({ kind: "gap", shard: 0, reason: "connection lost" });
  await clock.untilWaiting();
  assert.deepEqual(reads, [ids.slice(0, 250)]);
  opened.away = false;
  clock.advance(RECHECK_PAUSE_MS);
  await given;
  for (const waiter of waiters) {
    assert.equal((await waiter.wait(TIMEOUT_MS, nobodyLeaves)).kind, "final");
    waiter[Symbol.dispose]();
  }
  assert.deepEqual(reads.slice(1).map(({ length }) => length), [250, 250, 250, 250]);
  assert.deepEqual(reads.slice(1).flat(), ids);
});

/** One who hears all of a job, and keeps it. */
function hearerOf(id: JobId): Hearer & { readonly heard: (JobEvent | "lost")[] } {
  const heard: (JobEvent | "lost")[] = [];
  return {
    ...{ id, submitted: true, hearsProgress: true, heard },
    hear: (event) => void heard.push(event),
    lose: () => void heard.push("lost"),
  };
}

Deno.test("who hears of progress is told of it, and the wait of another goes on", async () => {
  await using opened = open();
  const id = newId();
  const hearer = hearerOf(id);
  opened.waiters.add(hearer);
  using waiter = opened.register(id);
  const waited = waiter.wait(TIMEOUT_MS, nobodyLeaves);
  await opened.tell(id, "running");
  await opened.tell(id);
  assert.equal((await waited).kind, "final");
  assert.deepEqual(hearer.heard, [eventOf(id, "running"), eventOf(id)]);
  opened.waiters.remove(hearer);
  assert.equal(opened.waiters.countFor(id), 1);
});

Deno.test("after a gap jobs are attached again, each for what is heard of it, and told as they are", async () => {
  await using opened = open();
  const [followed, lost, waited] = [newId(), newId(), newId()];
  const [following, losing] = [hearerOf(followed), hearerOf(lost)];
  for (const hearer of [following, losing]) opened.waiters.add(hearer);
  const all = [opened.register(followed), opened.register(waited)];
  for (const id of [followed, waited]) opened.records.set(id, recordOf(id, "running"));
  await opened.feed.give({ kind: "gap", shard: 0, reason: "connection lost" });
  await opened.tell(newId());
  assert.deepEqual(opened.attached, [
    { id: followed, progress: true },
    { id: lost, progress: true },
    { id: waited, progress: false },
  ]);
  assert.deepEqual(following.heard, [eventOf(followed, "running")]);
  assert.deepEqual(losing.heard, ["lost"]);
  assert.equal(opened.waiters.fallbacks, 1);
  for (const waiter of all) waiter[Symbol.dispose]();
});

Deno.test("after a gap a job that is still being submitted is not taken for lost", async () => {
  await using opened = open();
  const id = newId();
  using waiter = opened.waiters.register(id);
  const waited = waiter.wait(TIMEOUT_MS, nobodyLeaves);
  await opened.feed.give({ kind: "gap", shard: 0, reason: "connection lost" });
  await opened.tell(id);
  assert.equal((await waited).kind, "final");
});

Deno.test("after a gap the records are read until redis answers", async () => {
  await using opened = open();
  const { clock, reads } = opened;
  const id = newId();
  opened.records.set(id, recordOf(id));
  opened.away = true;
  using waiter = opened.register(id);
  const waited = waiter.wait(3_600_000, nobodyLeaves);
  const given = opened.feed.give({ kind: "gap", shard: 0, reason: "connection lost" });
  for (let tries = 0; tries < 3; tries++) {
    await clock.untilWaiting(2);
    clock.advance(RECHECK_PAUSE_MS);
    while (reads.length < tries + 2) await Promise.resolve();
  }
  await clock.untilWaiting(2);
  opened.away = false;
  clock.advance(RECHECK_PAUSE_MS);
  assert.equal((await waited).kind, "final");
  await given;
  assert.equal(reads.length, 5);
});

Deno.test("a gap without anybody who waits asks nothing", async () => {
  await using opened = open();
  await opened.feed.give({ kind: "gap", shard: 0, reason: "connection lost" });
  await opened.tell(newId());
  assert.deepEqual(opened.reads, []);
});

Deno.test("the table is empty once everybody has gone", async () => {
  await using opened = open();
  const ids = Array.from({ length: 10 }, newId);
  const all = [...ids, ...ids].map((id) => opened.register(id));
  assert.equal(opened.waiters.size, 20);
  for (const waiter of all) waiter[Symbol.dispose]();
  all[0]![Symbol.dispose]();
  assert.equal(opened.waiters.size, 0);
  assert.equal(opened.waiters.countFor(ids[0]!), 0);
  // Not even their jobs are left: after a gap there is nothing to ask for.
  await opened.feed.give({ kind: "gap", shard: 0, reason: "connection lost" });
  await opened.tell(ids[0]!);
  assert.deepEqual(opened.reads, []);
});
