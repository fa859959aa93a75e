import type { Cluster, Redis } from "ioredis";
import assert from "node:assert/strict";
import type { RedisSettings } from "../shared/redis/connection.ts";
import { GROUP, ShardKeys } from "../shared/redis/keys.ts";
import { type Broker, keys, MODEL, openBroker, readOne, submit } from "../shared/testing/broker.ts";
import { TestCluster } from "../shared/testing/cluster.ts";
import { Heartbeat, type Held } from "./heartbeat.ts";

const CLAIM_IDLE_MS = 90;

/** Streams of a shard whose master is away: with a try for each, a beat would take 20 s. */
const STREAMS_AWAY = 100;

function open(settings: RedisSettings, shards = 1): Heartbeat {
  return new Heartbeat({
    settings,
    shards,
    consumer: "w1",
    claimIdleMs: CLAIM_IDLE_MS,
    inferTimeoutMs: 60_000,
  });
}

/** Where deliveries are. */
interface Place {
  readonly client: Redis | Cluster;
  readonly settings: RedisSettings;
  readonly keys: ShardKeys;
}

function placeOf({ redis: { client, settings } }: Broker): Place {
  return { client, settings, keys };
}

/** Time since a pending delivery was last spoken for, and whose it is. */
async function pending(
  { client, keys }: Place,
  { model, lane, entry }: Held,
): Promise<{ idleMs: number; consumer: string }> {
  const reply = await client.xpending(keys.jobs(model, lane), GROUP, entry, entry, 1);
  const [[, consumer, idleMs] = assert.fail("it is not pending")] = reply as [
    string,
    string,
    number,
  ][];
  return { idleMs, consumer };
}

/** Waits until a delivery is spoken for; false where it was silent for so long. */
async function isHeard(place: Place, delivery: Held, silentMs = 30_000): Promise<boolean> {
  let last = 0;
  while (last < silentMs) {
    const { idleMs } = await pending(place, delivery);
    if (idleMs < last) return true;
    last = idleMs;
  }
  return false;
}

/** Waits until a delivery was silent for longer than another worker would wait. */
async function untilSilent(place: Place, delivery: Held): Promise<void> {
  for (let heard = 0; await isHeard(place, delivery, 2 * CLAIM_IDLE_MS); heard++) {
    assert(heard < 20, "it does not fall silent");
  }
}

Deno.test("heartbeat speaks for a delivery while a batch runs, though no more is heard", async () => {
  await using broker = await openBroker();
  await submit(broker);
  const delivery = await readOne(broker.source);
  await using heartbeat = open(broker.redis.settings);
  heartbeat.hold([delivery], true);
  for (let beat = 0; beat < 5; beat++) assert(await isHeard(placeOf(broker), delivery));
});

Deno.test("heartbeat falls silent when nothing runs and no more is heard", async () => {
  await using broker = await openBroker();
  await submit(broker);
  const delivery = await readOne(broker.source);
  await using heartbeat = open(broker.redis.settings);
  heartbeat.hold([delivery], true);
  assert(await isHeard(placeOf(broker), delivery));
  heartbeat.hold([delivery], false);
  await untilSilent(placeOf(broker), delivery);
});

Deno.test("heartbeat falls silent for a delivery that is let go", async () => {
  await using broker = await openBroker();
  await submit(broker);
  const delivery = await readOne(broker.source);
  await using heartbeat = open(broker.redis.settings);
  heartbeat.hold([delivery], true);
  assert(await isHeard(placeOf(broker), delivery));
  heartbeat.hold([], true);
  await untilSilent(placeOf(broker), delivery);
});

Deno.test("heartbeat takes nothing back from another worker", async () => {
  await using broker = await openBroker();
  await submit(broker);
  await submit(broker);
  const [ours, lost] = [await readOne(broker.source), await readOne(broker.source)];
  await broker.redis.client.xclaim(keys.jobs(MODEL, 0), "workers", "w2", 0, lost.entry);
  await using heartbeat = open(broker.redis.settings);
  heartbeat.hold([lost, ours], true);
  let last = 0;
  for (let beat = 0; beat < 3; beat++) {
    assert(await isHeard(placeOf(broker), ours));
    const { idleMs, consumer } = await pending(placeOf(broker), lost);
    assert.equal(consumer, "w2");
    assert(idleMs >= last);
    last = idleMs;
  }
});

Deno.test("heartbeat speaks for a shard's deliveries while another shard's master is away", async () => {
  await using cluster = await TestCluster.start();
  const { client, url } = cluster;
  const settings = { url, name: "test", timeoutMs: 100 };
  const shards = [0, 1].map((shard) => new ShardKeys(shard, 3));
  const held = await Promise.all(shards.map(async (keys): Promise<Held> => {
    const stream = keys.jobs(MODEL, 0);
    await client.xgroup("CREATE", stream, GROUP, "0", "MKSTREAM");
    const entry = await client.xadd(stream, "*", "id", "any");
    await client.xreadgroup("GROUP", GROUP, "w1", "STREAMS", stream, ">");
    return { shard: keys.shard, model: MODEL, lane: 0, entry: entry! };
  }));
  // Asked one after the other, streams that do not answer would hold the beat up for as long each.
  const away = Array.from({ length: STREAMS_AWAY }, (_, lane): Held => ({ ...held[0]!, lane }));
  using _ = await cluster.freeze(await cluster.masterOf(shards[0]!.deadlines()));
  await using heartbeat = open(settings, 3);
  heartbeat.hold([...away, held[1]!], true);
  for (let beat = 0; beat < 3; beat++) {
    assert(await isHeard({ client, settings, keys: shards[1]! }, held[1]!, 10_000));
  }
});

Deno.test("heartbeat ends a process whose batch takes longer than its bound", async () => {
  const script = new URL("testing/stuck_batch.ts", import.meta.url);
  const { signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", script.pathname],
    stdin: "null",
  }).output();
  assert.equal(signal, "SIGKILL");
  assert.equal(
    new TextDecoder().decode(stderr),
    "weir: a batch took longer than 50 ms, ending the worker\n",
  );
});
