import assert from "node:assert/strict";
import type { FeedItem } from "../../shared/broker.ts";
import { type JobRecord, queuedRecord } from "../../shared/job.ts";
import { newJob } from "../../shared/testing/broker.ts";
import { type KeptLog, keptLog } from "../../shared/testing/kept_log.ts";
import { ManualClock } from "../../shared/testing/manual_clock.ts";
import { Deadlines } from "../deadlines.ts";
import { Waiters } from "../waiters.ts";
import { NOTHING } from "./event.ts";
import { EventStreams, HEARTBEAT_MS } from "./event_streams.ts";
import { FollowedJob } from "./followed_job.ts";

const TIMEOUT_MS = 3_600_000;

interface Opened {
  readonly streams: EventStreams;
  readonly waiters: Waiters;
  readonly clock: ManualClock;
  readonly log: KeptLog;
  readonly drain: AbortController;
  /** Opens a stream of a queued job. */
  open(): { readonly record: JobRecord; readonly reader: ReadableStreamDefaultReader<Uint8Array> };
}

function openStreams(unreadBytesMax?: number): Opened {
  const [clock, log, drain] = [new ManualClock(), keptLog(), new AbortController()];
  const queue = {
    attach: () => Promise.reject(new Error("nobody attaches")),
    get: () => Promise.reject(new Error("nobody reads")),
    conclude: () => Promise.reject(new Error("nobody concludes")),
  };
  const waiters = new Waiters({ queue, clock, log });
  const deadlines = new Deadlines({ queue, clock });
  const bounds = unreadBytesMax === undefined ? {} : { unreadBytesMax };
  const streams = new EventStreams({ clock, log, drain: drain.signal, ...bounds });
  return {
    ...{ streams, waiters, clock, log, drain },
    open: () => {
      const record = queuedRecord({ ...newJob(), timeoutMs: TIMEOUT_MS }, 0);
      const job = new FollowedJob({ waiters, deadlines, log }, record.id, NOTHING);
      job.attached(record);
      return { record, reader: streams.respond(job).body!.getReader() };
    },
  };
}

const decoder = new TextDecoder();

async function read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string | undefined> {
  const { value } = await reader.read();
  return value && decoder.decode(value);
}

Deno.test("a stream begins with the time to come again after, and what has happened", async () => {
  const { open, drain } = openStreams();
  const { record, reader } = open();
  assert.equal(await read(reader), "retry: 1000\n\n");
  assert.match(
    (await read(reader))!,
    new RegExp(`^event: queued\nid: 0\ndata: {"id":"${record.id}"`),
  );
  drain.abort();
  assert.equal(await read(reader), undefined);
});

Deno.test("silent streams get a heartbeat, from one timer for all", async () => {
  const { open, streams, clock, drain } = openStreams();
  const stop = new AbortController();
  const beating = streams.beat(stop.signal);
  const [first, second] = [open(), open()];
  for (const { reader } of [first, second]) for (let i = 0; i < 2; i++) await read(reader);
  // A timer for each deadline, and the one that is for all.
  await clock.untilWaiting(3);
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      clock.advance(1_000);
      await clock.untilWaiting(3);
    }
  };
  await pass(HEARTBEAT_MS - 1_000);
  const [beats, late] = [read(first.reader), read(second.reader)];
  await pass(1_000);
  assert.deepEqual(await Promise.all([beats, late]), [":\n\n", ":\n\n"]);
  const silent = read(second.reader);
  await pass(HEARTBEAT_MS);
  assert.equal(await silent, ":\n\n");
  assert.equal(await read(first.reader), ":\n\n");
  drain.abort();
  stop.abort();
  await beating;
});

Deno.test("a client that does not read is dropped, and only that one", async () => {
  const { open, streams, waiters, log, drain } = openStreams(1_000);
  const [slow, quick] = [open(), open()];
  for (let i = 0; i < 2; i++) await read(quick.reader);
  // Where several hear of one job, so much that it is more than may be left unread.
  const news = (record: JobRecord, from: number) => {
    const predictions = [{ label: "star".repeat(300), probability: 1 }];
    const images = { total: 4, done: from + 1 };
    const begun = { ...record, images, state: "running", startedAt: 1 } as const;
    return { id: record.id, from, record: { ...begun, results: [{ predictions }] } };
  };
  const tell = async ({ record }: typeof slow, from: number) => {
    const event = news(record, from);
    const stop = new AbortController();
    const items = async function* (): AsyncIterable<FeedItem> {
      yield { kind: "event", event } as const;
      stop.abort();
    };
    await waiters.follow({ items }, stop.signal);
  };
  for (let from = 0; from < 2; from++) {
    await tell(slow, from);
    await tell(quick, from);
    assert.match((await read(quick.reader))!, /event: prediction\n/);
  }
  assert.deepEqual([streams.size, streams.dropped, waiters.size], [1, 1, 1]);
  await assert.rejects(slow.reader.read(), /too much is unread/);
  assert.deepEqual(log.lines.map(({ level, message }) => [level, message]), [
    ["debug", "slow reader dropped"],
  ]);
  drain.abort();
  assert.equal(await read(quick.reader), undefined);
});

Deno.test("a client that leaves leaves nothing behind", async () => {
  const { open, streams, waiters, clock, log } = openStreams();
  const { reader } = open();
  assert.deepEqual([streams.size, waiters.size], [1, 1]);
  await reader.cancel();
  assert.deepEqual([streams.size, waiters.size, streams.dropped], [0, 0, 0]);
  await Promise.resolve();
  assert.equal(clock.waiting, 0);
  assert.deepEqual(log.lines, []);
});
