/** Dead letters and what administrators do with them, on a real Redis. */
import assert from "node:assert/strict";
import { type JobId, newJobId } from "../job.ts";
import {
  assertDrained,
  type Broker,
  bury,
  forever,
  keys,
  MODEL,
  nextEvent,
  openBroker,
  readOne,
  submit,
  success,
} from "../testing/broker.ts";
import { loadOf } from "../testing/redis.ts";

const TERMS = { owner: "root", timeoutMs: 60_000, keepMs: 60_000 };
const IMAGES = [new Uint8Array([0xff, 0xd8, 0, 0x80, 0x0a]), new Uint8Array([0x89, 0, 0xfe])];

async function listed(broker: Broker): Promise<JobId[]> {
  const page = await broker.letters.list(MODEL, 100);
  return page!.letters.map(({ id }) => id);
}

/** Asserts that nothing is left of any letter. */
async function assertNoLetters(broker: Broker): Promise<void> {
  const { client } = broker.redis;
  assert.equal(await client.xlen(keys.dead(MODEL)), 0);
  assert.equal(await client.get(keys.deadBytes(MODEL)), "0");
  assert.equal(await client.hlen(keys.deadIndex()), 0);
}

Deno.test("letters are listed newest first, as many as wanted, with all but their images", async () => {
  await using broker = await openBroker();
  assert.deepEqual(await broker.letters.list(undefined, 100), { letters: [], total: 0 });
  assert.equal(await broker.letters.list("other", 100), undefined);
  const oldest = await bury(broker);
  const middle = await bury(broker, { images: IMAGES.map((bytes) => ({ bytes })) });
  const newest = await bury(broker, { top: 3 });
  assert.deepEqual(await listed(broker), [newest, middle, oldest]);
  const page = (await broker.letters.list(MODEL, 2))!;
  assert.deepEqual(page.letters.map(({ id }) => id), [newest, middle]);
  assert.equal(page.total, 3);
  const { failedAt, ...letter } = page.letters[1]!;
  assert.deepEqual(letter, {
    id: middle,
    model: MODEL,
    reason: "it was given up",
    attempts: 1,
    images: 2,
    bytes: 8,
  });
  const [done, next] = [await broker.queue.get(middle), await broker.queue.get(newest)];
  assert(done!.finishedAt! <= failedAt && failedAt <= next!.finishedAt!);
});

Deno.test("letters of several models are listed in one order", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const letter = ["reason", "planted", "attempts", 1];
  for (const [model, entry] of [["a", "3-0"], ["b", "2-0"], ["a", "4-0"], ["b", "5-0"]] as const) {
    await client.xadd(keys.dead(model), entry, "bytes", 0, "id", `0-${entry}`, ...letter);
  }
  await client.hset(keys.models(), "a", "{}", "b", "{}");
  const { letters, total } = (await broker.letters.list(undefined, 3))!;
  assert.deepEqual(letters.map(({ model, failedAt }) => [model, failedAt]), [
    ["b", 5],
    ["a", 4],
    ["a", 3],
  ]);
  assert.equal(total, 4);
});

Deno.test("a replayed letter is a new job that asks for the same and is answered", async () => {
  await using broker = await openBroker();
  const images = IMAGES.map((bytes) => ({ bytes }));
  const dead = await bury(broker, { version: "2", top: 3, images });
  assert.equal((await nextEvent(broker.feed)).id, dead);
  const replayed = await broker.letters.replay(dead, TERMS);
  assert(replayed.kind === "queued");
  assert.notEqual(replayed.id, dead);
  await assertNoLetters(broker);
  const record = await broker.queue.get(replayed.id);
  assert.equal(record?.state, "queued");
  assert.deepEqual(record.images, { total: 2, done: 0 });
  assert.equal(record.deadlineAt, record.createdAt + TERMS.timeoutMs);
  assert.deepEqual(await loadOf(broker.redis.client, keys.load(MODEL)), {
    jobs: 1,
    bytes: 8,
    images: 2,
  });

  const delivery = await readOne(broker.source);
  assert.equal(delivery.id, replayed.id);
  assert.deepEqual([delivery.version, delivery.top], ["2", 3]);
  assert.deepEqual(delivery.images.map((image) => [...image]), IMAGES.map((image) => [...image]));
  assert.partialDeepStrictEqual(await broker.source.begin([delivery]), [
    { kind: "run", attempt: 1, tell: "g1" },
  ]);
  assert.deepEqual(await broker.source.settle([success(delivery)]), ["succeeded"]);
  assert.equal((await nextEvent(broker.feed)).id, replayed.id);
  assert.equal((await broker.queue.get(dead))?.state, "failed");
  await assertDrained(broker);
});

Deno.test("a replay wakes a worker that waits", async () => {
  await using broker = await openBroker();
  const dead = await bury(broker);
  const read = readOne(broker.source);
  const replayed = await broker.letters.replay(dead, TERMS);
  assert(replayed.kind === "queued");
  assert.equal((await read).id, replayed.id);
});

Deno.test("a letter that is replayed twice, even at once, makes one job", async () => {
  await using broker = await openBroker();
  const dead = await bury(broker);
  const both = await Promise.all([
    broker.letters.replay(dead, TERMS),
    broker.letters.replay(dead, TERMS),
  ]);
  assert.deepEqual(both.map(({ kind }) => kind).sort(), ["none", "queued"]);
  assert.deepEqual(await broker.letters.replay(dead, TERMS), { kind: "none" });
  assert.equal((await broker.source.read(10, forever)).length, 1);
  await assertNoLetters(broker);
});

Deno.test("a replay that is sent again after a lost reply is still the same one job", async () => {
  await using broker = await openBroker();
  const dead = await bury(broker);
  const { client } = broker.redis;
  const monitor = await client.monitor();
  const sent = new Promise<string[]>((resolve) => {
    monitor.on("monitor", (_time: string, args: string[]) => {
      if (/^eval/i.test(args[0]!) && args.includes(keys.jobs(MODEL, 0))) resolve(args);
    });
  });
  const replayed = await broker.letters.replay(dead, TERMS);
  const [command, ...args] = await sent;
  monitor.disconnect();
  assert(replayed.kind === "queued");
  assert.deepEqual(await client.call(command!, ...args), ["queued"]);
  assert.equal((await broker.source.read(10, forever)).length, 1);
});

Deno.test("a letter stays when the queue is full, and is replayed once there is room", async () => {
  await using broker = await openBroker({ jobsMax: 1 });
  const dead = await bury(broker);
  const other = await submit(broker);
  assert.deepEqual(await broker.letters.replay(dead, TERMS), {
    kind: "full",
    load: { jobs: 1, bytes: 4 },
  });
  assert.deepEqual(await listed(broker), [dead]);
  assert.equal(await broker.redis.client.xlen(keys.jobs(MODEL, 0)), 1);
  assert.equal(await broker.redis.client.zcard(keys.deadlines()), 1);

  const delivery = await readOne(broker.source);
  assert.equal(delivery.id, other);
  await broker.source.begin([delivery]);
  await broker.source.settle([success(delivery)]);
  assert.equal((await broker.letters.replay(dead, TERMS)).kind, "queued");
  await assertNoLetters(broker);
});

Deno.test("a letter stays when Redis has no memory for its job", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const dead = await bury(broker);
  await client.config("SET", "maxmemory", 1);
  await assert.rejects(broker.letters.replay(dead, TERMS), { reason: "full" });
  assert.deepEqual(await listed(broker), [dead]);
  assert.equal(await client.xlen(keys.jobs(MODEL, 0)), 0);
  assert.equal(await broker.letters.discard(dead), true);
  await assertNoLetters(broker);
});

Deno.test("a discarded letter is gone with its bytes, and the others stay", async () => {
  await using broker = await openBroker();
  const [first, second] = [await bury(broker), await bury(broker)];
  assert.equal(await broker.letters.discard(first), true);
  assert.equal(await broker.letters.discard(first), false);
  assert.deepEqual(await broker.letters.replay(first, TERMS), { kind: "none" });
  assert.deepEqual(await listed(broker), [second]);
  assert.equal(await broker.redis.client.get(keys.deadBytes(MODEL)), "4");
  assert.equal(await broker.letters.discard(second), true);
  await assertNoLetters(broker);
});

Deno.test("a job that is no dead letter is neither replayed nor discarded", async () => {
  await using broker = await openBroker();
  const alive = await submit(broker);
  for (const id of [alive, newJobId(0, () => crypto.randomUUID())]) {
    assert.deepEqual(await broker.letters.replay(id, TERMS), { kind: "none" });
    assert.equal(await broker.letters.discard(id), false);
  }
  assert.equal((await broker.queue.get(alive))?.state, "queued");
});

Deno.test("a letter that somebody removed by hand is not taken for the one before it", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const [before, gone] = [await bury(broker), await bury(broker)];
  const [[entry]] = await client.xrevrange(keys.dead(MODEL), "+", "-", "COUNT", 1) as [
    [string, string[]],
  ];
  await client.xdel(keys.dead(MODEL), entry);
  assert.deepEqual(await broker.letters.replay(gone, TERMS), { kind: "none" });
  assert.equal(await broker.letters.discard(gone), false);
  assert.deepEqual(await listed(broker), [before]);
});

Deno.test("beyond the bound of bytes the oldest letters make room", async () => {
  await using broker = await openBroker({ deadBytesMax: 10 });
  const ids: JobId[] = [];
  for (const size of [4, 4, 2]) {
    ids.unshift(await bury(broker, { images: [{ bytes: new Uint8Array(size) }] }));
  }
  assert.deepEqual(await listed(broker), ids);
  const last = await bury(broker, { images: [{ bytes: new Uint8Array(7) }] });
  assert.deepEqual(await listed(broker), [last, ids[0]]);
  assert.equal(await broker.redis.client.get(keys.deadBytes(MODEL)), "9");
  assert.equal(await broker.redis.client.hlen(keys.deadIndex()), 2);
  assert.deepEqual(await broker.letters.replay(ids[1]!, TERMS), { kind: "none" });
  await bury(broker, { images: [{ bytes: new Uint8Array(11) }] });
  await assertNoLetters(broker);
});

Deno.test("listing moves no image out of Redis", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const size = 500_000;
  await bury(broker, { images: [{ bytes: new Uint8Array(size) }] });
  const sent = async () => {
    const info = await client.info("stats");
    return Number(/total_net_output_bytes:(\d+)/.exec(info)![1]);
  };
  const before = await sent();
  const { letters } = (await broker.letters.list(MODEL, 10))!;
  assert.equal(letters[0]?.bytes, size);
  assert(await sent() - before < size / 10);
});
