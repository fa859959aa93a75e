import assert from "node:assert/strict";
import type { JobRecord } from "../../shared/job.ts";
import { Following, progressOf, queuedJob } from "../testing/following.ts";
import { EventStreams, HEARTBEAT_MS, SILENCE_MS } from "./event_streams.ts";

const GET = { method: "GET" };

interface Opened extends Pick<Following, "waiters" | "clock" | "log"> {
  readonly following: Following;
  readonly streams: EventStreams;
  readonly drain: AbortController;
  /** Opens a stream of a queued job. */
  open(): { readonly record: JobRecord; readonly reader: ReadableStreamDefaultReader<Uint8Array> };
}

function openStreams(unreadBytesMax?: number): Opened {
  const [following, drain] = [new Following(), new AbortController()];
  const { waiters, clock, log } = following;
  const bounds = unreadBytesMax === undefined ? {} : { unreadBytesMax };
  const streams = new EventStreams({ clock, log, drain: drain.signal, ...bounds });
  return {
    ...{ following, streams, waiters, clock, log, drain },
    open: () => {
      const record = queuedJob(4);
      const job = following.begin(record);
      job.attached(record);
      return { record, reader: streams.respond(GET, job).body!.getReader() };
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

Deno.test("silent streams get a heartbeat each in time, a few at once, from one timer for all", async () => {
  const { open, streams, clock, drain } = openStreams();
  const stop = new AbortController();
  const beating = streams.beat(stop.signal);
  const readers = Array.from({ length: 15 }, () => open().reader);
  for (const reader of readers) for (let i = 0; i < 2; i++) await read(reader);
  let beats = 0;
  for (const reader of readers) {
    void read(reader).then((text) => {
      if (text === ":\n\n") beats++;
    });
  }
  // A timer for each deadline, and the one that is for all.
  const timers = readers.length + 1;
  await clock.untilWaiting(timers);
  const beatsAfter = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      clock.advance(1_000);
      await clock.untilWaiting(timers);
    }
    return beats;
  };
  assert.equal(await beatsAfter(SILENCE_MS - 500), 0);
  assert.equal(await beatsAfter(1_000), 2);
  assert.equal(await beatsAfter(1_000), 4);
  assert.equal(await beatsAfter(HEARTBEAT_MS - SILENCE_MS - 1_500), readers.length);
  drain.abort();
  stop.abort();
  await beating;
});

Deno.test("a client that does not read is dropped, and only that one", async () => {
  const { open, following, streams, waiters, log, drain } = openStreams(1_000);
  const [slow, quick] = [open(), open()];
  for (let i = 0; i < 2; i++) await read(quick.reader);
  // So much that the second time is more than may be left unread.
  const tell = ({ record }: typeof slow, from: number) =>
    following.tell(progressOf(record, from, from + 1, "star".repeat(300)));
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
