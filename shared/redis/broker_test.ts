/** The broker's contract, on a real Redis. */
import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { BrokerUnavailable, type Delivery } from "../broker.ts";
import { classesOf, type JobId, queuedRecord } from "../job.ts";
import {
  announceWorker,
  assertDrained,
  attach,
  type Broker,
  CARD,
  CLAIM_IDLE_MS,
  forever,
  keys,
  MODEL,
  newJob,
  nextEvent,
  openBroker,
  readOne,
  recordOf,
  submit,
  success,
} from "../testing/broker.ts";
import { commandCalls, loadOf } from "../testing/redis.ts";
import { jobEntry } from "./entry.ts";
import type { RedisJobSource } from "./job_source.ts";
import { RedisMaintenance } from "./maintenance.ts";
import { SUBMIT_BESIDE_ENTRIES } from "./scripts/gateway.ts";
import { submitCall } from "./submits.ts";
import { RedisDirectory } from "./registry.ts";

Deno.test("a job goes from submit to the event that its gateway reads", async () => {
  await using broker = await openBroker();
  const id = await submit(broker, { top: 3, images: [{ bytes: new Uint8Array([1, 2, 255]) }] });
  assert.equal((await broker.queue.get(id))?.state, "queued");
  const delivery = await readOne(broker.source);
  assert.equal(delivery.id, id);
  assert.equal(delivery.top, 3);
  assert.deepEqual([...delivery.images[0]!], [1, 2, 255]);
  assert.partialDeepStrictEqual(await broker.source.begin([delivery]), [{
    kind: "run",
    attempt: 1,
    tell: "g1",
  }]);
  const running = await broker.queue.get(id);
  assert.equal(running?.state, "running");
  assert.equal(running.attempts, 1);
  assert.deepEqual(await broker.source.settle([success(delivery)]), ["succeeded"]);
  const { record } = await nextEvent(broker.feed);
  assert.deepEqual(record, await recordOf(broker.queue, id));
  assert.equal(record.state, "succeeded");
  assert.deepEqual(record.results, [{ predictions: [{ label: "star", probability: 0.75 }] }]);
  assert.deepEqual(record.images, { total: 1, done: 1 });
  assert.equal(record.timings.inferMs, 3);
  assert(record.timings.totalMs! >= record.timings.queueMs!);
  await assertDrained(broker);
});

Deno.test("a submit that is sent twice makes one job, and the second entry is dropped", async () => {
  await using broker = await openBroker();
  const job = newJob();
  const queued = await broker.queue.submit(job);
  assert(queued.kind === "queued");
  assert.deepEqual(await recordOf(broker.queue, job.id), queuedRecord(job, queued.createdAt));
  assert.deepEqual(await broker.queue.submit(job), { ...queued, kind: "exists" });
  const deliveries = await broker.source.read(10, forever);
  assert.equal(deliveries.length, 2);
  const verdicts = await broker.source.begin(deliveries);
  assert.deepEqual(verdicts.map(({ kind }) => kind), ["run", "drop"]);
  await broker.source.settle([success(deliveries[0]!)]);
  await assertDrained(broker);
});

Deno.test("a submit beyond the bounds is refused and leaves nothing", async () => {
  await using broker = await openBroker({ jobsMax: 2, bytesMax: 10 });
  await submit(broker);
  const tooMuch = newJob({ images: [{ bytes: new Uint8Array(7) }] });
  assert.deepEqual(await broker.queue.submit(tooMuch), {
    kind: "full",
    load: { jobs: 1, bytes: 4 },
  });
  assert.equal(await broker.queue.get(tooMuch.id), undefined);
  await submit(broker);
  assert.equal((await broker.queue.submit(newJob({ images: [] }))).kind, "full");
  assert.equal(await broker.redis.client.xlen(keys.jobs(MODEL, 0)), 2);
});

Deno.test("a refused entry that a worker meets first does not lower the load", async () => {
  await using broker = await openBroker();
  const accepted = await submit(broker);
  const refused = newJob();
  // What a gateway sends, without what it sends next: the entry is taken back too late.
  const admission = { jobsMax: 1, bytesMax: 1000 };
  const call = submitCall(keys, [{ ...refused, size: { images: 1, bytes: 4 } }], "g1", admission);
  await broker.redis.client.multi()
    .eval(SUBMIT_BESIDE_ENTRIES, call.keys.length, ...call.keys, ...call.args)
    .xadd(keys.jobs(MODEL, 0), "*", ...jobEntry(refused))
    .exec();
  const deliveries = await broker.source.read(10, forever);
  assert.deepEqual(deliveries.map(({ id }) => id), [accepted, refused.id]);
  const verdicts = await broker.source.begin(deliveries);
  assert.deepEqual(verdicts[1], { kind: "drop", reason: "refused" });
  assert.deepEqual(await loadOf(broker.redis.client, keys.load(MODEL)), {
    jobs: 1,
    bytes: 4,
    images: 1,
  });
  await broker.source.settle([success(deliveries[0]!)]);
  await assertDrained(broker);
});

Deno.test("a job that was submitted twice and cancelled lowers the load once", async () => {
  await using broker = await openBroker();
  const job = newJob();
  await submit(broker);
  await broker.queue.submit(job);
  await broker.queue.submit(job);
  await broker.queue.conclude(job.id, "cancelled");
  const deliveries = await broker.source.read(10, forever);
  const verdicts = await broker.source.begin(deliveries);
  assert.deepEqual(verdicts.slice(1).map((verdict) => verdict.kind === "drop" && verdict.reason), [
    "cancelled",
    "duplicate",
  ]);
  assert.equal(await broker.redis.client.hget(keys.load(MODEL), "jobs"), "1");
  await broker.source.settle([success(deliveries[0]!)]);
  await assertDrained(broker);
});

Deno.test("two submits with one idempotency key make one job, and another body is a mismatch", async () => {
  await using broker = await openBroker();
  const idempotency = { digest: "d1", fingerprint: "f1" };
  const [first, second] = [newJob({ idempotency }), newJob({ idempotency })];
  const submitted = await Promise.all([broker.queue.submit(first), broker.queue.submit(second)]);
  assert.equal(submitted[0].kind, "queued");
  assert.deepEqual(submitted[1], { kind: "same", id: first.id });
  const other = newJob({ idempotency: { digest: "d1", fingerprint: "f2" } });
  assert.deepEqual(await broker.queue.submit(other), { kind: "mismatch" });
  const [delivery, ...more] = await broker.source.read(10, forever);
  assert.deepEqual(more, []);
  await broker.source.begin([delivery!]);
  await broker.source.settle([success(delivery!)]);
  assert.deepEqual(await broker.queue.submit(second), { kind: "same", id: first.id });
  const { client } = broker.redis;
  const left = await client.pttl(keys.idempotency("d1")) - await client.pttl(keys.job(first.id));
  assert(Math.abs(left) < 1000, `the key lives ${left} ms longer than the record`);
  await assertDrained(broker);
});

Deno.test("an abandoned job is cancelled unless another gateway waits for it", async () => {
  await using broker = await openBroker();
  const wanted = await submit(broker);
  await attach(broker.gateway("g2"), wanted);
  await broker.queue.abandon(wanted);
  assert.equal((await broker.queue.get(wanted))?.state, "queued");
  const unwanted = await submit(broker);
  await broker.queue.abandon(unwanted);
  assert.equal((await broker.queue.get(unwanted))?.state, "cancelled");
});

Deno.test("an abandoned job goes on for a gateway that joins at the last moment", async () => {
  await using broker = await openBroker();
  const { shard } = broker;
  const run = shard.run.bind(shard);
  // Before each command of the gateway that abandons it.
  for (const command of [1, 2]) {
    const id = await submit(broker);
    let [commands, joined] = [0, false];
    shard.run = async (call) => {
      if (++commands === command) {
        await attach(broker.gateway("g2"), id);
        joined = true;
      }
      return await run(call);
    };
    await broker.queue.abandon(id);
    shard.run = run;
    assert.equal((await broker.queue.get(id))?.state, joined ? "queued" : "cancelled");
  }
});

Deno.test("the first outcome stays, a second one is acknowledged and dropped", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  assert.deepEqual(await broker.source.settle([success(delivery)]), ["succeeded"]);
  assert.deepEqual(await broker.source.settle([success(delivery, "g1", "late")]), ["late"]);
  assert.equal(classesOf((await broker.queue.get(id))?.results?.[0])[0]?.label, "star");
  await assertDrained(broker);
});

Deno.test("a worker that lost its delivery cannot begin it, nor settle a failure", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  const delivery = await readOne(broker.source);
  await broker.redis.client.xclaim(keys.jobs(MODEL, 0), "workers", "w2", 0, delivery.entry);
  assert.deepEqual(await broker.source.begin([delivery]), [{ kind: "lost" }]);
  const error = { code: "undecodable_image", detail: "damaged" } as const;
  const failure = { state: "failed", error, timings: {} } as const;
  assert.deepEqual(
    await broker.source.settle([{ delivery, tell: "g1", outcome: failure }]),
    ["late"],
  );
  assert.equal((await broker.queue.get(id))?.state, "queued");
  using other = broker.worker("w2");
  assert.equal((await other.begin([delivery]))[0]?.kind, "run");
  assert.deepEqual(await other.settle([{ delivery, tell: "g1", outcome: failure }]), ["failed"]);
  assert.deepEqual((await broker.queue.get(id))?.error, error);
  await assertDrained(broker);
});

Deno.test("a cancelled job is not run, and its entry goes when a worker meets it", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  assert.equal((await broker.queue.conclude(id, "cancelled"))?.state, "cancelled");
  assert.equal((await nextEvent(broker.feed)).record.state, "cancelled");
  assert.equal((await broker.queue.conclude(id, "expired"))?.state, "cancelled");
  const delivery = await readOne(broker.source);
  assert.deepEqual(await broker.source.begin([delivery]), [{ kind: "drop", reason: "cancelled" }]);
  await assertDrained(broker);
});

Deno.test("a job past its deadline is not run, and expires in the worker's hands", async () => {
  await using broker = await openBroker();
  const id = await submit(broker, { timeoutMs: 1 });
  await untilOverdue(broker, id);
  const delivery = await readOne(broker.source);
  assert.deepEqual(await broker.source.begin([delivery]), [
    { kind: "expired", tell: "g1", delivery: 1 },
  ]);
  const outcome = { state: "expired", timings: {}, delivery: 1 } as const;
  assert.deepEqual(await broker.source.settle([{ delivery, tell: "g1", outcome }]), ["expired"]);
  assert.equal((await broker.queue.get(id))?.state, "expired");
  await assertDrained(broker);
});

Deno.test("a job does not expire before its deadline", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  assert.equal((await broker.queue.conclude(id, "expired"))?.state, "queued");
});

Deno.test("a record that is gone is not written again", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  await broker.redis.client.del(keys.job(id));
  assert.deepEqual(await broker.source.settle([success(delivery)]), ["late"]);
  assert.equal(await broker.queue.conclude(id, "cancelled"), undefined);
  assert.equal(await broker.redis.client.exists(keys.job(id)), 0);
  await assertDrained(broker);
});

Deno.test("a gateway that attaches while the job runs is told of its outcome", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  await broker.redis.client.xadd(keys.results("g2"), "*", "hello", "g2");
  assert.equal((await attach(broker.gateway("g2"), id))?.state, "running");
  assert.deepEqual(await broker.source.settle([success(delivery)]), ["succeeded"]);
  const told = await Promise.all(["g1", "g2"].map(async (gateway) => {
    const [_, [, fields] = []] = await broker.redis.client.xrange(keys.results(gateway), "-", "+");
    return [fields?.includes(id), fields?.includes("joined")];
  }));
  // Both are told, and which of them took the job in.
  assert.deepEqual(told, [[true, false], [true, true]]);
  assert.equal((await nextEvent(broker.feed)).id, id);
  assert.equal((await attach(broker.gateway("g3"), id))?.state, "succeeded");
});

Deno.test("an outcome is written although the gateway's stream is gone", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  await broker.redis.client.del(keys.results("g1"));
  assert.deepEqual(await broker.source.settle([success(delivery)]), ["succeeded"]);
  assert.equal((await broker.queue.get(id))?.state, "succeeded");
  assert.equal(await broker.redis.client.exists(keys.results("g1")), 0);
});

Deno.test("the feed says gap when its stream was made again, and goes on", async () => {
  await using broker = await openBroker();
  const stop = new AbortController();
  const items = broker.feed.items(stop.signal)[Symbol.asyncIterator]();
  const next = items.next();
  await broker.redis.client.del(keys.results("g1"));
  await broker.feed.renew();
  assert.equal((await next).value?.kind, "gap");
  const id = await submit(broker);
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  await broker.source.settle([success(delivery)]);
  const { value } = await items.next();
  assert(value?.kind === "event");
  assert.equal(value.event.id, id);
  stop.abort();
  assert.equal((await items.next()).done, true);
});

Deno.test("what was read from a group that is destroyed is nobody's, and read once more", async () => {
  await using broker = await openBroker();
  const { source } = broker;
  await submit(broker);
  const delivery = await readOne(source);
  await broker.redis.client.xgroup("DESTROY", keys.jobs(MODEL, 0), "workers");
  assert.deepEqual(await source.begin([delivery]), [{ kind: "lost" }]);
  assert.equal(await source.retry(delivery, 0), false);
  assert.equal(await source.handBack([delivery]), 0);
  assert.deepEqual(await source.read(1, forever), []);
  assert.deepEqual(await readOne(source), delivery);
});

Deno.test("a group that was destroyed is made again from the start", async () => {
  await using broker = await openBroker();
  await broker.redis.client.xgroup("DESTROY", keys.jobs(MODEL, 0), "workers");
  const id = await submit(broker);
  assert.deepEqual(await broker.source.read(1, forever), []);
  assert.equal((await readOne(broker.source)).id, id);
});

Deno.test("a read that redis refuses is the broker's fault", async () => {
  await using broker = await openBroker();
  const stream = keys.jobs(MODEL, 0);
  await broker.redis.client.del(stream);
  await broker.redis.client.set(stream, "no stream");
  await assert.rejects(broker.source.read(1, forever), BrokerUnavailable);
  await assert.rejects(broker.source.readNow(1, broker.source.lanes), BrokerUnavailable);
});

Deno.test("a blocked read ends with nothing when it is aborted", async () => {
  await using broker = await openBroker();
  const stop = new AbortController();
  const read = broker.source.read(1, stop.signal);
  stop.abort();
  assert.deepEqual(await read, []);
});

Deno.test("an entry that is no job is removed with a warning", async () => {
  await using broker = await openBroker();
  await broker.redis.client.xadd(keys.jobs(MODEL, 0), "*", "id", "nonsense");
  assert.deepEqual(await broker.source.read(1, forever), []);
  assert.equal(await broker.redis.client.xlen(keys.jobs(MODEL, 0)), 0);
});

Deno.test("beginning and settling a batch are a script each, however many jobs it has", async () => {
  await using broker = await openBroker();
  const ids = await Promise.all(Array.from({ length: 8 }, () => submit(broker)));
  const deliveries = await broker.source.read(8, forever);
  await broker.source.begin(deliveries);
  const settled = await broker.source.settle(deliveries.map((delivery) => success(delivery)));
  assert.deepEqual(settled, ids.map(() => "succeeded"));
  assert.equal((await commandCalls(broker.redis.client)).get("evalsha"), 1 + 1 + 1);
  await assertDrained(broker);
});

Deno.test("a batch of more jobs than one script ends is settled whole", async () => {
  await using broker = await openBroker();
  const ids = await Promise.all(Array.from({ length: 65 }, () => submit(broker)));
  const deliveries = await broker.source.read(65, forever);
  await broker.source.begin(deliveries);
  const settled = await broker.source.settle(deliveries.map((delivery) => success(delivery)));
  assert.deepEqual(settled, ids.map(() => "succeeded"));
  await assertDrained(broker);
});

Deno.test("each job of a batch has its own end: told once more, late, or lost", async () => {
  await using broker = await openBroker();
  for (let i = 0; i < 5; i++) await submit(broker);
  const deliveries = await broker.source.read(5, forever);
  const [plain, joined, cancelled, gone, lost] = deliveries as [
    ...[Delivery, Delivery, Delivery, Delivery, Delivery],
  ];
  await broker.source.begin(deliveries);
  await attach(broker.gateway("g2"), joined.id);
  await broker.queue.conclude(cancelled.id, "cancelled");
  await broker.redis.client.del(keys.job(gone.id));
  await broker.redis.client.xclaim(keys.jobs(MODEL, 0), "workers", "w2", 0, lost.entry);
  const error = { code: "undecodable_image", detail: "damaged" } as const;
  const settled = await broker.source.settle([
    success(plain),
    success(joined),
    success(cancelled),
    success(gone),
    { delivery: lost, tell: "g1", outcome: { state: "failed", error, timings: {} } },
  ]);
  assert.deepEqual(settled, ["succeeded", "succeeded", "late", "late", "late"]);
  const states = deliveries.map(async ({ id }) => (await broker.queue.get(id))?.state);
  assert.deepEqual(await Promise.all(states), [
    ...["succeeded", "succeeded", "cancelled", undefined, "running"],
  ]);
  assert.deepEqual(await broker.source.settle([success(lost)]), ["succeeded"]);
  await assertDrained(broker);
});

Deno.test("a job that is twice in a batch is settled once, and counted once", async () => {
  await using broker = await openBroker();
  await submit(broker);
  const [delivery] = await broker.source.read(1, forever);
  await broker.source.begin([delivery!]);
  const settled = await broker.source.settle([success(delivery!), success(delivery!)]);
  assert.deepEqual(settled, ["succeeded", "late"]);
  await assertDrained(broker);
});

Deno.test("what a batch tells a gateway is one entry, of which every outcome is read", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  await broker.gateway("g2").submit(newJob());
  await client.xadd(keys.results("g2"), "*", "hello", "g2");
  const ids = [await submit(broker), await submit(broker)];
  const deliveries = await broker.source.read(10, forever);
  await broker.source.begin(deliveries);
  await broker.source.settle(deliveries.map((delivery) => success(delivery)));
  for (const gateway of ["g1", "g2"]) assert.equal(await client.xlen(keys.results(gateway)), 2);
  const stop = new AbortController();
  const told: JobId[] = [];
  for await (const item of broker.feed.items(stop.signal)) {
    if (item.kind === "event" && told.push(item.event.id) === ids.length) stop.abort();
  }
  assert.deepEqual(told, ids);
  await assertDrained(broker);
});

Deno.test("a job whose entry somebody deleted has its outcome, and maintenance lowers the load", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  await Promise.all([submit(broker), submit(broker)]);
  const deliveries = await broker.source.read(10, forever);
  await broker.source.begin(deliveries);
  await client.xdel(keys.jobs(MODEL, 0), deliveries[0]!.entry);
  const settled = await broker.source.settle(deliveries.map((delivery) => success(delivery)));
  assert.deepEqual(settled, ["succeeded", "succeeded"]);
  assert.equal((await loadOf(client, keys.load(MODEL))).jobs, 2);
  const maintenance = new RedisMaintenance({ shard: broker.shard, token: "a", leaseMs: 60_000 });
  await maintenance.elect();
  await maintenance.run();
  assert.equal(await client.exists(keys.load(MODEL)), 0);
});

Deno.test("only one process holds the maintainer's lease, and the next takes it over", async () => {
  await using broker = await openBroker();
  const [first, second] = ["a", "b"].map((token) =>
    new RedisMaintenance({ shard: broker.shard, token, leaseMs: 60_000 })
  ) as [RedisMaintenance, RedisMaintenance];
  assert.equal(await first.elect(), true);
  assert.equal(await second.elect(), false);
  assert.equal(await first.elect(), true);
  await second.resign();
  assert.equal(await second.elect(), false);
  await first.resign();
  assert.equal(await second.elect(), true);
});

Deno.test("maintenance trims events by age, expires overdue jobs, leaves entries alone", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const old = await submit(broker, { timeoutMs: 1 });
  const young = await submit(broker);
  await untilOverdue(broker, old);
  await client.xadd(keys.results("g9"), "1-1", "hello", "g9");
  await client.sadd(keys.gateways(), "g9", "gone");
  const maintenance = new RedisMaintenance({ shard: broker.shard, token: "a", leaseMs: 60_000 });
  assert.deepEqual((await maintenance.run()).report, {
    trimmedEvents: 0,
    expiredJobs: 0,
    deadWorkers: 0,
    deadModels: 0,
  });
  await maintenance.elect();
  assert.deepEqual((await maintenance.run()).report, {
    trimmedEvents: 1,
    expiredJobs: 1,
    deadWorkers: 0,
    deadModels: 0,
  });
  assert.equal((await broker.queue.get(old))?.state, "expired");
  assert.equal((await broker.queue.get(young))?.state, "queued");
  assert.equal(await client.xlen(keys.jobs(MODEL, 0)), 2);
  assert.deepEqual((await client.smembers(keys.gateways())).sort(), ["g1", "g9"]);
});

Deno.test("maintenance lowers a load to what the streams hold, although they are never empty", async () => {
  await using broker = await openBroker({ bytesMax: 10_000_000 });
  const { client } = broker.redis;
  const maintenance = new RedisMaintenance({ shard: broker.shard, token: "a", leaseMs: 60_000 });
  await maintenance.elect();
  const images = [{ bytes: new Uint8Array(50_000) }];
  const load = async () => {
    const [jobs, bytes] = await client.hmget(keys.load(MODEL), "jobs", "bytes");
    return { jobs: Number(jobs), bytes: Number(bytes) };
  };
  for (let i = 0; i < 4; i++) await submit(broker, { images });
  await maintenance.run();
  assert.deepEqual(await load(), { jobs: 4, bytes: 200_000 });

  // As where somebody has deleted a stream of seven jobs.
  await client.hincrby(keys.load(MODEL), "jobs", 7);
  await client.hincrby(keys.load(MODEL), "bytes", 7_000_000);
  await maintenance.run();
  const { jobs, bytes } = await load();
  assert.equal(jobs, 4);
  assert(bytes >= 200_000 && bytes <= 300_000, `${bytes} bytes`);

  const deliveries = await broker.source.read(4, forever);
  await broker.source.begin(deliveries);
  await broker.source.settle(deliveries.map((delivery) => success(delivery)));
  await maintenance.run();
  assert.equal(await client.exists(keys.load(MODEL)), 0);
});

Deno.test("maintenance counts jobs where Redis refuses to tell its memory", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const maintenance = new RedisMaintenance({ shard: broker.shard, token: "a", leaseMs: 60_000 });
  await maintenance.elect();
  await submit(broker);
  await client.hset(keys.load(MODEL), "jobs", 8, "bytes", 704);
  await client.acl("SETUSER", "default", "-memory");
  await maintenance.run();
  assert.deepEqual(await loadOf(broker.redis.client, keys.load(MODEL)), {
    jobs: 1,
    bytes: 704,
    images: 1,
  });
});

Deno.test("a model stays known when its workers are gone", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  const directory = new RedisDirectory([broker.shard]);
  assert.deepEqual(await directory.models(), []);
  const registry = await announceWorker(broker.shard);
  assert.deepEqual(await directory.models(), [{
    card: CARD,
    workers: 1,
    versions: new Map([["1", 1]]),
  }]);
  await client.del(keys.beat("w1"));
  assert.deepEqual(await directory.models(), [{ card: CARD, workers: 0, versions: new Map() }]);
  await registry.beat();
  assert.deepEqual(await directory.models(), [{
    card: CARD,
    workers: 1,
    versions: new Map([["1", 1]]),
  }]);
  await registry.leave();
  assert.deepEqual(await directory.models(), [{ card: CARD, workers: 0, versions: new Map() }]);
});

/** Waits, by Redis' clock, until a job's deadline has passed. */
async function untilOverdue(broker: Broker, id: JobId): Promise<void> {
  const { deadlineAt } = (await broker.queue.get(id))!;
  const { client } = broker.redis;
  const now = async () => {
    const [seconds, micros] = await client.time() as unknown as [number, number];
    return Number(seconds) * 1000 + Number(micros) / 1000;
  };
  while (await now() < deadlineAt + 1);
}

Deno.test("a delivery that is silent for too long goes to another worker, which counts the attempt", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  using other = broker.worker("w2");
  while (await other.longestIdle() < CLAIM_IDLE_MS);
  const claimed = await claimAll(other);
  assert.deepEqual(claimed.map(({ id }) => id), [id]);
  assert.partialDeepStrictEqual(await other.begin(claimed), [{
    kind: "run",
    attempt: 2,
    tell: "g1",
  }]);
  assert.deepEqual(await broker.source.begin([delivery]), [{ kind: "lost" }]);
  assert.deepEqual(await other.settle([success(claimed[0]!)]), ["succeeded"]);
  await assertDrained(broker);
});

Deno.test("a delivery that was begun as often as it may is spent, and becomes a dead letter", async () => {
  await using broker = await openBroker();
  const image = new Uint8Array([0xff, 0, 0xd8]);
  const id = await submit(broker, { images: [{ bytes: image }] });
  const delivery = await readOne(broker.source);
  for (let attempt = 1; attempt <= 3; attempt++) {
    const begun = [{ kind: "run", attempt, tell: "g1" }];
    assert.partialDeepStrictEqual(await broker.source.begin([delivery]), begun);
    assert.partialDeepStrictEqual(
      await broker.source.begin([delivery]),
      begun,
      "a resend is no attempt",
    );
    assert.equal(await broker.source.retry(delivery, 0), true);
  }
  assert.deepEqual(await broker.source.begin([delivery]), [
    { kind: "spent", tell: "g1", attempts: 3 },
  ]);
  const error = { code: "job_failed", detail: "given up" } as const;
  const outcome = { state: "dead", error, attempts: 3 } as const;
  assert.deepEqual(await broker.source.settle([{ delivery, tell: "g1", outcome }]), ["failed"]);
  assert.deepEqual((await nextEvent(broker.feed)).record.error, error);
  const [[, fields]] = await broker.redis.client.xrangeBuffer(keys.dead(MODEL), "-", "+") as [
    [Buffer, Buffer[]],
  ];
  assert.deepEqual([...fields.at(-1)!], [...image]);
  assert.equal(
    fields[fields.findIndex((name) => `${name}` === "reason") + 1]?.toString(),
    "given up",
  );
  assert.equal(await broker.redis.client.get(keys.deadBytes(MODEL)), "3");
  assert.deepEqual(await broker.source.settle([{ delivery, tell: "g1", outcome }]), ["late"]);
  assert.equal(await broker.redis.client.xlen(keys.dead(MODEL)), 1);
  assert.equal((await broker.queue.get(id))?.state, "failed");
  await assertDrained(broker);
});

Deno.test("an attempt that is put off is due again after the delay", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  assert.equal(await broker.source.retry(delivery, CLAIM_IDLE_MS), true);
  assert.equal((await broker.queue.get(id))?.state, "queued");
  while (await broker.source.longestIdle() < CLAIM_IDLE_MS);
  assert.partialDeepStrictEqual(await broker.source.begin(await claimAll(broker.source)), [
    { kind: "run", attempt: 2, tell: "g1" },
  ]);
  await broker.source.settle([success(delivery)]);
  assert.equal(await broker.source.retry(delivery, 1), false);
  await assertDrained(broker);
});

Deno.test("a worker that died is forgotten once its deliveries have gone to others", async () => {
  await using broker = await openBroker();
  const { client } = broker.redis;
  await announceWorker(broker.shard);
  await submit(broker);
  await broker.source.begin([await readOne(broker.source)]);
  const maintenance = new RedisMaintenance({ shard: broker.shard, token: "a", leaseMs: 60_000 });
  await maintenance.elect();
  assert.equal((await maintenance.run()).report.deadWorkers, 0);
  await client.del(keys.beat("w1"));
  assert.equal((await maintenance.run()).report.deadWorkers, 0);
  using other = broker.worker("w2");
  while (await other.longestIdle() < CLAIM_IDLE_MS);
  const claimed = await claimAll(other);
  assert.equal((await maintenance.run()).report.deadWorkers, 1);
  assert.equal(await client.hlen(keys.workers()), 0);
  await other.begin(claimed);
  assert.deepEqual(await other.settle([success(claimed[0]!)]), ["succeeded"]);
  await assertDrained(broker);
});

async function claimAll(source: RedisJobSource): Promise<Delivery[]> {
  const claimed: Delivery[] = [];
  for await (const delivery of source.claim(forever)) claimed.push(delivery);
  return claimed;
}
