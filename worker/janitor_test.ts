import assert from "node:assert/strict";
import { BrokerUnavailable } from "../shared/broker.ts";
import type { Maintained } from "../shared/maintenance.ts";
import { systemClock } from "../shared/clock.ts";
import { RedisMaintenance } from "../shared/redis/maintenance.ts";
import { CARD, keys, MODEL, openBroker, submit } from "../shared/testing/broker.ts";
import { type KeptLog, keptLog } from "../shared/testing/kept_log.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { type TestRedis, testRedis } from "../shared/testing/redis.ts";
import { Janitor } from "./janitor.ts";

function hire({ shard }: TestRedis, token: string): { janitor: Janitor; log: KeptLog } {
  const log = keptLog();
  const maintenance = new RedisMaintenance({ shard, token, leaseMs: 60_000 });
  return { janitor: new Janitor({ maintenance, shard: 0, clock: systemClock, log }), log };
}

const said = ({ lines }: KeptLog) => lines.map(({ message }) => message);

Deno.test("one janitor of two is elected, and says so once", async () => {
  await using redis = await testRedis();
  const [first, second] = [hire(redis, "a"), hire(redis, "b")];
  for (let runs = 0; runs < 3; runs++) {
    await first.janitor.runOnce();
    await second.janitor.runOnce();
  }
  assert.deepEqual(said(first.log), ["elected as maintainer"]);
  assert.deepEqual(said(second.log), []);
});

Deno.test("a janitor that resigns makes room for the next at once", async () => {
  await using redis = await testRedis();
  const [first, second] = [hire(redis, "a"), hire(redis, "b")];
  await first.janitor.runOnce();
  await second.janitor.resign();
  await second.janitor.runOnce();
  assert.deepEqual(said(second.log), []);
  await first.janitor.resign();
  await second.janitor.runOnce();
  assert.deepEqual(said(second.log), ["elected as maintainer"]);
});

Deno.test("a janitor whose lease went to another stops and says so", async () => {
  await using redis = await testRedis();
  const [first, second] = [hire(redis, "a"), hire(redis, "b")];
  await first.janitor.runOnce();
  // As if its process had been frozen for longer than the lease.
  await redis.client.del(keys.maintainer());
  await second.janitor.runOnce();
  await first.janitor.runOnce();
  assert.deepEqual(said(first.log), ["elected as maintainer", "no longer the maintainer"]);
  await first.janitor.resign();
  assert.equal(await redis.client.get(keys.maintainer()), "b");
});

Deno.test("the elected janitor works and counts, the other does nothing", async () => {
  await using broker = await openBroker();
  const { redis } = broker;
  await redis.client.hset(keys.models(), MODEL, JSON.stringify(CARD));
  const id = await submit(broker, { timeoutMs: 1 });
  // Overdue by hand: no time has to pass.
  await redis.client.hset(keys.job(id), "deadline", 1);
  await redis.client.zadd(keys.deadlines(), 1, id);
  await redis.client.set(keys.maintainer(), "a");
  const [elected, other] = [hire(redis, "a"), hire(redis, "b")];
  await other.janitor.runOnce();
  assert.equal((await broker.queue.get(id))?.state, "queued");
  await elected.janitor.runOnce();
  assert.equal((await broker.queue.get(id))?.state, "expired");
  assert.deepEqual(elected.log.lines.at(-1), {
    level: "info",
    message: "maintenance done",
    fields: { shard: 0, trimmedEvents: 0, expiredJobs: 1, deadWorkers: 0, deadModels: 0 },
  });
});

/** A janitor of a shard of which a test says what it holds, and how often it was looked at. */
class Quiet {
  readonly clock = new ManualClock();
  readonly janitor: Janitor;
  /** What the next look says. */
  differs = false;
  /** What the next run leaves, or how it fails. */
  dueMs: number | Error = Infinity;
  elected = true;
  /** What was done since {@linkcode period}, in its order. */
  did: string[] = [];

  constructor() {
    const { clock } = this;
    const maintenance = {
      elect: () => Promise.resolve(this.elected),
      look: () => {
        this.did.push("look");
        return Promise.resolve(this.differs);
      },
      run: () => this.#run(),
      resign: () => Promise.resolve(),
    };
    this.janitor = new Janitor({ maintenance, shard: 0, clock, log: keptLog() });
  }

  /** Lets a period of maintenance pass; what the janitor does at its end. */
  async period(): Promise<string[]> {
    this.clock.advance(1000);
    this.did = [];
    await this.janitor.runOnce().catch(() => this.did.push("failed"));
    return this.did;
  }

  #run(): Promise<Maintained> {
    this.did.push("run");
    if (this.dueMs instanceof Error) return Promise.reject(this.dueMs);
    const report = { trimmedEvents: 0, expiredJobs: 0, deadWorkers: 0, deadModels: 0 };
    return Promise.resolve({ report, dueMs: this.dueMs });
  }
}

Deno.test("a janitor does all when it is elected, and then only looks while a look finds nothing", async () => {
  const quiet = new Quiet();
  assert.deepEqual(await quiet.period(), ["run"]);
  for (let periods = 0; periods < 10; periods++) assert.deepEqual(await quiet.period(), ["look"]);
  quiet.differs = true;
  assert.deepEqual(await quiet.period(), ["look", "run"]);
  quiet.differs = false;
  assert.deepEqual(await quiet.period(), ["look"]);
  quiet.elected = false;
  assert.deepEqual(await quiet.period(), []);
  quiet.elected = true;
  assert.deepEqual(await quiet.period(), ["run"]);
});

Deno.test("a janitor works in the period in which a deadline passes, whatever a look says", async () => {
  const quiet = new Quiet();
  quiet.dueMs = 2500;
  assert.deepEqual(await quiet.period(), ["run"]);
  quiet.dueMs = Infinity;
  assert.deepEqual(await quiet.period(), ["look"]);
  assert.deepEqual(await quiet.period(), ["look"]);
  assert.deepEqual(await quiet.period(), ["run"]);
  assert.deepEqual(await quiet.period(), ["look"]);
});

Deno.test("a janitor whose run left something, or failed, works in the next period too", async () => {
  const quiet = new Quiet();
  for (const left of [0, new BrokerUnavailable("away", "Command timed out"), 0]) {
    quiet.dueMs = left;
    assert.equal((await quiet.period())[0], "run");
  }
  quiet.dueMs = Infinity;
  assert.deepEqual(await quiet.period(), ["run"]);
  quiet.differs = true;
  quiet.dueMs = new BrokerUnavailable("away", "Command timed out");
  assert.deepEqual(await quiet.period(), ["look", "run", "failed"]);
  quiet.differs = false;
  assert.deepEqual(await quiet.period(), ["run", "failed"]);
});
