import assert from "node:assert/strict";
import type { Delivery } from "../shared/broker.ts";
import { type Broker, keys, MODEL, openBroker, readOne, submit } from "../shared/testing/broker.ts";
import { Heartbeat } from "./heartbeat.ts";

const CLAIM_IDLE_MS = 90;

function open({ redis }: Broker): Heartbeat {
  return new Heartbeat({
    settings: redis.settings,
    shards: 1,
    consumer: "w1",
    claimIdleMs: CLAIM_IDLE_MS,
    inferTimeoutMs: 60_000,
  });
}

/** Time since a pending delivery was last spoken for, and whose it is. */
async function pending(
  { redis }: Broker,
  { entry }: Delivery,
): Promise<{ idleMs: number; consumer: string }> {
  const reply = await redis.client.xpending(keys.jobs(MODEL, 0), "workers", entry, entry, 1);
  const [[, consumer, idleMs] = assert.fail("it is not pending")] = reply as [
    string,
    string,
    number,
  ][];
  return { idleMs, consumer };
}

/** Waits until a delivery is spoken for; false where it was silent for so long. */
async function isHeard(broker: Broker, delivery: Delivery, silentMs = 30_000): Promise<boolean> {
  let last = 0;
  while (last < silentMs) {
    const { idleMs } = await pending(broker, delivery);
    if (idleMs < last) return true;
    last = idleMs;
  }
  return false;
}

/** Waits until a delivery was silent for longer than another worker would wait. */
async function untilSilent(broker: Broker, delivery: Delivery): Promise<void> {
  for (let heard = 0; await isHeard(broker, delivery, 2 * CLAIM_IDLE_MS); heard++) {
    assert(heard < 20, "it does not fall silent");
  }
}

Deno.test("heartbeat speaks for a delivery while a batch runs, though no more is heard", async () => {
  await using broker = await openBroker();
  await submit(broker);
  const delivery = await readOne(broker.source);
  await using heartbeat = open(broker);
  heartbeat.hold([delivery], true);
  for (let beat = 0; beat < 5; beat++) assert(await isHeard(broker, delivery));
});

Deno.test("heartbeat falls silent when nothing runs and no more is heard", async () => {
  await using broker = await openBroker();
  await submit(broker);
  const delivery = await readOne(broker.source);
  await using heartbeat = open(broker);
  heartbeat.hold([delivery], true);
  assert(await isHeard(broker, delivery));
  heartbeat.hold([delivery], false);
  await untilSilent(broker, delivery);
});

Deno.test("heartbeat falls silent for a delivery that is let go", async () => {
  await using broker = await openBroker();
  await submit(broker);
  const delivery = await readOne(broker.source);
  await using heartbeat = open(broker);
  heartbeat.hold([delivery], true);
  assert(await isHeard(broker, delivery));
  heartbeat.hold([], true);
  await untilSilent(broker, delivery);
});

Deno.test("heartbeat takes nothing back from another worker", async () => {
  await using broker = await openBroker();
  await submit(broker);
  await submit(broker);
  const [ours, lost] = [await readOne(broker.source), await readOne(broker.source)];
  await broker.redis.client.xclaim(keys.jobs(MODEL, 0), "workers", "w2", 0, lost.entry);
  await using heartbeat = open(broker);
  heartbeat.hold([lost, ours], true);
  let last = 0;
  for (let beat = 0; beat < 3; beat++) {
    assert(await isHeard(broker, ours));
    const { idleMs, consumer } = await pending(broker, lost);
    assert.equal(consumer, "w2");
    assert(idleMs >= last);
    last = idleMs;
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
