import type { Redis } from "ioredis";
import assert from "node:assert/strict";
import { BrokerUnavailable } from "../broker.ts";
import { type Clock, systemClock } from "../clock.ts";
import { ManualClock } from "../testing/manual_clock.ts";
import { freeze, type TestRedis, testRedis } from "../testing/redis.ts";
import { BlockingConnection } from "./blocking_connection.ts";
import type { RedisSettings } from "./connection.ts";

const BLOCK_MS = 60_000;

/** A server that takes connections and says nothing. */
function silentServer(): { settings: RedisSettings; connected: Promise<void> } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { promise: connected, resolve } = Promise.withResolvers<void>();
  const serving = (async () => {
    for await (const connection of listener) {
      resolve();
      await connection.readable.pipeTo(new WritableStream()).catch(() => {});
    }
  })();
  return {
    settings: { url: `redis://127.0.0.1:${listener.addr.port}`, name: "test", timeoutMs: 5_000 },
    connected,
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await serving;
    },
  };
}

function open(
  { settings }: Pick<TestRedis, "settings">,
  clock: Clock = systemClock,
): BlockingConnection {
  return new BlockingConnection(settings, "jobs", clock);
}

/** A read that blocks in Redis until the list has an element. */
function pop(blocking: BlockingConnection): Promise<unknown> {
  return blocking.read(BLOCK_MS, (client) => client.blpop("list", BLOCK_MS / 1000));
}

/** Waits until so many clients block in Redis. */
async function untilBlocked({ client }: TestRedis, count = 1): Promise<void> {
  while (!new RegExp(`^blocked_clients:${count}\\b`, "m").test(await client.info("clients")));
}

/** To be called before the step that ends the read, which may fail before that step is done. */
async function assertAway(read: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await read.then(() => undefined, (error) => error);
  assert(error instanceof BrokerUnavailable, String(error));
  assert.equal(error.reason, "away");
  assert.match(error.message, message);
}

function unblock(blocking: BlockingConnection, { shard }: TestRedis): Promise<void> {
  return blocking.unblock((...command) => shard.onServer(...command));
}

function clientId(blocking: BlockingConnection): Promise<number> {
  return blocking.read(BLOCK_MS, (client) => client.client("ID"));
}

Deno.test("a server that never answers costs the connection once the watchdog barks", async () => {
  await using server = silentServer();
  const clock = new ManualClock();
  using blocking = open(server, clock);
  const ended = assertAway(pop(blocking), /blocking read did not come back/);
  await server.connected;
  clock.advance(BLOCK_MS + 2 * server.settings.timeoutMs - 1);
  assert.equal(clock.waiting, 1);
  clock.advance(1);
  await ended;
});

Deno.test("a redis that hangs in the middle of a read costs the connection alone", async () => {
  await using redis = await testRedis();
  const clock = new ManualClock();
  using blocking = open(redis, clock);
  const before = await clientId(blocking);
  const ended = assertAway(pop(blocking), /blocking read did not come back/);
  await untilBlocked(redis);
  {
    using _ = await freeze(redis);
    clock.advance(BLOCK_MS + 2 * redis.settings.timeoutMs);
    await ended;
  }
  assert.notEqual(await clientId(blocking), before);
  assert.equal(clock.waiting, 0);
});

Deno.test("an interrupted read fails, and the next has a new connection", async () => {
  await using redis = await testRedis();
  using blocking = open(redis);
  const before = await clientId(blocking);
  const ended = assertAway(pop(blocking), /closed/);
  await untilBlocked(redis);
  blocking.interrupt();
  await ended;
  assert.notEqual(await clientId(blocking), before);
  // The abandoned read is gone from Redis too: it takes nothing.
  await redis.client.rpush("list", "element");
  assert.deepEqual(await pop(blocking), ["list", "element"]);
});

Deno.test("a read whose connection is killed fails, and the next has a new one", async () => {
  await using redis = await testRedis();
  using blocking = open(redis);
  const id = await clientId(blocking);
  const ended = assertAway(pop(blocking), /closed/);
  await untilBlocked(redis);
  await redis.client.client("KILL", "ID", id);
  await ended;
  assert.notEqual(await clientId(blocking), id);
});

Deno.test("a refusal of the command itself passes as it is and keeps the connection", async () => {
  await using redis = await testRedis();
  using blocking = open(redis);
  const id = await clientId(blocking);
  const read = blocking.read(
    BLOCK_MS,
    (client) => client.xreadgroup("GROUP", "g", "c", "BLOCK", BLOCK_MS, "STREAMS", "stream", ">"),
  );
  await assert.rejects(read, { name: "ReplyError", message: /^NOGROUP / });
  assert.equal(await clientId(blocking), id);
});

Deno.test("a command that redis refuses is the broker's fault, and keeps the connection", async () => {
  await using redis = await testRedis();
  using blocking = open(redis);
  const id = await clientId(blocking);
  await redis.client.set("text", "no list");
  await assertAway(blocking.run((client) => client.rpush("text", "x")), /^WRONGTYPE /);
  assert.equal(await clientId(blocking), id);
});

Deno.test("an unblocked read ends with nothing and keeps the connection", async () => {
  await using redis = await testRedis();
  using blocking = open(redis);
  const id = await clientId(blocking);
  const read = pop(blocking);
  await untilBlocked(redis);
  await unblock(blocking, redis);
  assert.equal(await read, null);
  assert.equal(await clientId(blocking), id);
});

Deno.test("unblocking before the read has reached redis ends it all the same", async () => {
  await using redis = await testRedis();
  using blocking = open(redis);
  const id = await clientId(blocking);
  const read = pop(blocking);
  await unblock(blocking, redis);
  assert.equal(await read, null);
  assert.equal(await clientId(blocking), id);
});

Deno.test("unblocking while the connection is made drops it", async () => {
  await using redis = await testRedis();
  await using server = silentServer();
  using blocking = open(server);
  const ended = assertAway(pop(blocking), /closed/);
  await server.connected;
  await unblock(blocking, redis);
  await ended;
});

Deno.test("unblocking drops the connection where redis refuses CLIENT", async () => {
  await using redis = await testRedis({ settings: { "rename-command": 'CLIENT ""' } });
  using blocking = open(redis);
  const ended = assertAway(pop(blocking), /closed/);
  await untilBlocked(redis);
  await unblock(blocking, redis);
  await ended;
});

Deno.test("unblocking nothing does nothing", async () => {
  await using redis = await testRedis();
  using blocking = open(redis);
  await unblock(blocking, redis);
  const id = await clientId(blocking);
  await unblock(blocking, redis);
  assert.equal(await clientId(blocking), id);
});

Deno.test("no delivery is lost between an entry that comes and an unblock", async () => {
  await using redis = await testRedis();
  using blocking = open(redis);
  const { client } = redis;
  await client.xgroup("CREATE", "stream", "g", "0", "MKSTREAM");
  const readGroup = (client: Redis) =>
    client.xreadgroup("GROUP", "g", "c", "BLOCK", BLOCK_MS, "STREAMS", "stream", ">");
  const id = await clientId(blocking);
  const rounds = 120;
  const received: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const read = blocking.read(BLOCK_MS, readGroup);
    // The entry comes before the unblock or after it, to a read that blocks already or not yet.
    if (round % 2 === 0 && received.length === round) await untilBlocked(redis);
    const steps = [() => client.xadd("stream", "*", "n", round), () => unblock(blocking, redis)];
    if (round % 3 === 0) steps.reverse();
    await Promise.all(steps.map((step) => step()));
    const reply = await read as [string, [string, string[]][]][] | null;
    received.push(...(reply?.[0]?.[1] ?? []).map(([entry]) => entry));
  }
  const [pending] = await client.xpending("stream", "g") as [number];
  assert.equal(received.length, pending);
  assert.equal(new Set(received).size, pending);
  assert(pending > 0);
  assert.equal(await clientId(blocking), id);
});
