import assert from "node:assert/strict";
import { BrokerUnavailable } from "../broker.ts";
import { systemClock } from "../clock.ts";
import type { Log } from "../log.ts";
import { freePort, RedisServer } from "../redis_server.ts";
import { newJob } from "../testing/broker.ts";
import { keptLog } from "../testing/kept_log.ts";
import { commandCalls, freeze, testRedis } from "../testing/redis.ts";
import { Sentinels } from "../testing/sentinels.ts";
import type { NewJob } from "../job.ts";
import type { RedisSettings } from "./connection.ts";
import { RedisJobQueue } from "./job_queue.ts";
import { type Shard, Shards, TooManyConnections } from "./shard.ts";

interface Options {
  readonly timeoutMs?: number;
  readonly log?: Log;
  readonly others?: number;
}

async function open(
  { settings }: { readonly settings: Omit<RedisSettings, "timeoutMs"> },
  { timeoutMs = 10_000, log = keptLog(), others = 1 }: Options = {},
): Promise<{ shards: Shards; shard: Shard } & Disposable> {
  const shards = await Shards.open({
    settings: { ...settings, timeoutMs },
    ...{ count: 1, connectionsMax: 8, others, clock: systemClock, log },
  });
  return { shards, shard: shards.all[0]!, [Symbol.dispose]: () => shards[Symbol.dispose]() };
}

/** What makes something unavailable. */
async function failureOf(failing: Promise<unknown>): Promise<BrokerUnavailable> {
  const error = await failing.then(() => undefined, (error) => error);
  assert(error instanceof BrokerUnavailable, String(error));
  return error;
}

/** Jobs that are submitted before a replica counts as one that never has any. */
const SUBMITS_MAX = 30;

const get = (shard: Shard) => shard.run((client) => client.get("key"));

async function untilServed(shard: Shard): Promise<void> {
  while (await get(shard).then(() => false, () => true)) {
    // A pause, so that the probe is due.
    await systemClock.sleep(20, new AbortController().signal);
  }
}

Deno.test("redis is full where its memory is used up, for a command and for a submit", async () => {
  await using redis = await testRedis({ settings: { "maxmemory-policy": "noeviction" } });
  using opened = await open(redis);
  const { shards, shard } = opened;
  await redis.client.config("SET", "maxmemory", 1);
  const set = shard.run((client) => client.set("key", "value"));
  assert.equal((await failureOf(set)).reason, "full");
  const admission = { jobsMax: 10, bytesMax: 100 };
  const queue = new RedisJobQueue({ shards, gateway: "g1", admission });
  assert.equal((await failureOf(queue.submit(newJob()))).reason, "full");
  assert.equal(await redis.client.dbsize(), 0);
  assert.equal(shard.away, false);
});

Deno.test("opening fails where nobody listens", async () => {
  const url = `redis://127.0.0.1:${freePort()}`;
  const failure = await failureOf(open({ settings: { url, name: "test" } }));
  assert.equal(failure.reason, "away");
});

Deno.test("opening fails with the wrong password, and says so", async () => {
  await using redis = await testRedis();
  const url = new URL(redis.server.url);
  url.password = "wrong";
  const settings = { ...redis.settings, url: url.href };
  await assert.rejects(open({ settings }), /WRONGPASS/);
});

Deno.test("opening fails where more connections are needed than allowed, and leaves none", async () => {
  await using redis = await testRedis();
  await assert.rejects(open(redis, { others: 8 }), (error) => {
    assert(error instanceof TooManyConnections);
    assert.match(error.message, /9 connections are needed, WEIR_REDIS_CONNECTIONS_MAX is 8/);
    return true;
  });
  while (/ name=test:commands /.test(String(await redis.client.client("LIST"))));
});

Deno.test("a connection is named after the process and its purpose", async () => {
  await using redis = await testRedis();
  using _ = await open(redis);
  assert.match(String(await redis.client.client("LIST")), / name=test:commands /);
});

Deno.test("a connection lost while no sentinel answers is back when they do", async () => {
  await using sentinels = await Sentinels.start();
  using opened = await open({ settings: { url: sentinels.url, name: "test" } }, { timeoutMs: 250 });
  {
    using _ = await sentinels.freeze();
    await (await sentinels.master()).call("CLIENT", "KILL", "TYPE", "normal");
    assert.match((await failureOf(get(opened.shard))).message, /timed out/);
  }
  await untilServed(opened.shard);
});

Deno.test("a redis that refuses CLIENT is used without", async () => {
  await using redis = await testRedis({ settings: { "rename-command": 'CLIENT ""' } });
  using opened = await open(redis);
  assert.equal(await opened.shard.run((client) => client.set("key", "value")), "OK");
});

Deno.test("a command without a reply is tried once more on a new connection, and then fails", async () => {
  await using redis = await testRedis();
  using opened = await open(redis, { timeoutMs: 250 });
  const { shard } = opened;
  const id = () => shard.run((client) => client.client("ID"));
  const before = await id();
  let tries = 0;
  {
    using _ = await freeze(redis);
    const failure = await failureOf(shard.run((client) => (tries++, client.get("key"))));
    assert.match(failure.message, /timed out/);
    assert.equal(failure.untouched, false);
  }
  assert.equal(tries, 2);
  assert.notEqual(await id(), before);
});

Deno.test("a command whose first reply got lost succeeds by its second try", async () => {
  await using redis = await testRedis();
  using opened = await open(redis, { timeoutMs: 250 });
  let tries = 0;
  const value = await opened.shard.run((client) => {
    // Redis does it, and nobody hears of it.
    if (++tries === 1) return client.set("key", "value").then(() => new Promise<string>(() => {}));
    return client.set("key", "value");
  });
  assert.deepEqual([value, tries], ["OK", 2]);
  assert.equal((await commandCalls(redis.client)).get("set"), 2);
});

Deno.test("a reply that came while the process was held up is no late one", async () => {
  await using redis = await testRedis();
  using opened = await open(redis, { timeoutMs: 600 });
  const connection = () => opened.shard.run((client) => client.call("CLIENT", ["ID"]));
  const before = await connection();
  const reply = opened.shard.run((client) => client.blpop("nothing", 0.05));
  while (!/^blocked_clients:1\r/m.test(await redis.client.info("clients")));
  // Longer than a try may take, and than Redis takes.
  for (const began = performance.now(); performance.now() - began < 450;);
  assert.equal(await reply, null);
  assert.equal(await connection(), before);
});

Deno.test("many commands that fail together replace the connection once", async () => {
  await using redis = await testRedis();
  using opened = await open(redis, { timeoutMs: 250 });
  const { shard } = opened;
  let hung = 0;
  const answers = await Promise.all(Array.from({ length: 20 }, () => {
    let tries = 0;
    return shard.run((client) => {
      if (++tries === 1) return new Promise<string>(() => hung++);
      return client.set("key", "value");
    });
  }));
  assert.deepEqual(new Set(answers), new Set(["OK"]));
  assert.equal(hung, 20);
  const [, id] = /id=(\d+) [^\n]*name=test:commands/.exec(
    String(await redis.client.client("LIST")),
  )!;
  const [, first] = /id=(\d+)/.exec(String(await redis.client.client("LIST")))!;
  // The test's own, the first of the shard, its replacement.
  assert.equal(Number(id) - Number(first), 2);
});

Deno.test("while redis is away commands fail at once, and pass when it is back", async () => {
  const executable = "redis-server";
  await using servers = new AsyncDisposableStack();
  const first = await RedisServer.start({ executable });
  const log = keptLog();
  const settings = { url: first.url, name: "test", timeoutMs: 5_000 };
  using opened = await open({ settings }, { log });
  const { shard } = opened;
  await first[Symbol.asyncDispose]();
  for (let failures = 0; !shard.away; failures++) {
    assert(failures < 10);
    assert.equal((await failureOf(get(shard))).reason, "away");
  }
  let tried = false;
  const refused = await failureOf(shard.run((client) => (tried = true, client.get("key"))));
  assert.deepEqual([tried, refused.reason, refused.untouched], [false, "away", true]);

  servers.use(await RedisServer.start({ executable, address: first.address }));
  await untilServed(shard);
  assert.equal(shard.away, false);
  const said = log.lines.map(({ level, message }) => `${level} ${message}`);
  assert.deepEqual(
    new Set(said),
    new Set([
      "warn redis connection lost",
      "warn redis is away, commands fail at once",
      "info redis connection back",
      "info redis serves again",
    ]),
  );
});

Deno.test("a server that has become a replica is left for whoever is master now", async () => {
  await using redis = await testRedis();
  using opened = await open(redis);
  const { shard } = opened;
  await redis.client.replicaof("127.0.0.1", freePort());
  const failure = await failureOf(shard.run((client) => client.set("key", "value")));
  assert.match(failure.message, /READONLY/);
  await redis.client.replicaof("NO", "ONE");
  assert.equal(await shard.run((client) => client.set("key", "value")), "OK");
});

Deno.test("a command without a key goes to the shard's server", async () => {
  await using redis = await testRedis();
  using opened = await open(redis);
  assert.equal(await opened.shard.onServer("WAIT", 0, 10), 0);
  await assert.rejects(opened.shard.onServer("NONSENSE"), BrokerUnavailable);
});

Deno.test("a job that too few replicas have is not accepted, and not run", async () => {
  await using master = await testRedis({ settings: { "repl-diskless-sync-delay": "0" } });
  using opened = await open(master);
  const queue = new RedisJobQueue({
    shards: opened.shards,
    gateway: "g1",
    admission: { jobsMax: 10, bytesMax: 100 },
    replicas: 1,
  });
  const lonely = newJob();
  const failure = await failureOf(queue.submit(lonely));
  assert.match(failure.message, /0 of 1 replicas have the job/);
  assert.equal((await queue.get(lonely.id))?.state, "cancelled");
  const again = { idempotency: { digest: "d1", fingerprint: "f1" } };
  for (const job of [newJob(again), newJob(again)]) {
    assert.match((await failureOf(queue.submit(job))).message, /0 of 1 replicas have the job/);
  }

  await using replica = await testRedis({ settings: { "repl-diskless-load": "swapdb" } });
  const { port, password } = master.server.address;
  await replica.client.config("SET", "masterauth", password);
  await replica.client.replicaof("127.0.0.1", port);
  // The first write that it acknowledges says that it follows.
  await master.client.set("key", "value");
  await master.client.wait(1, 0);
  const accepted = await firstAccepted(queue);
  assert.equal(await replica.client.exists(opened.shard.keys.job(accepted.id)), 1);
});

/** Submits until a replica has a job in time: on a busy machine, one may be late. */
async function firstAccepted(queue: RedisJobQueue): Promise<NewJob> {
  for (let tries = 1;; tries++) {
    const job = newJob();
    const submitted = await queue.submit(job).catch((error) => {
      if (tries === SUBMITS_MAX) throw error;
    });
    if (submitted !== undefined) {
      assert.equal(submitted.kind, "queued");
      return job;
    }
  }
}
