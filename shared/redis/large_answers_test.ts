/** Answers that are too large to be told: where they are instead. */
import assert from "node:assert/strict";
import type { ImageAnswer } from "../job.ts";
import {
  attach,
  type Broker,
  forever,
  keys,
  nextEvent,
  openBroker,
  readOne,
  recordOf,
  submit,
} from "../testing/broker.ts";
import { TOLD_BYTES_MAX } from "./scripts/common.ts";

/** Takes four times its numbers, and a third more in base64. */
function embeddingOf(bytes: number): ImageAnswer {
  return { embedding: new Float32Array(bytes / 4).fill(0.1) };
}

const LARGE = embeddingOf(TOLD_BYTES_MAX);
const SMALL = embeddingOf(TOLD_BYTES_MAX / 2);

/** Bytes of what gateway `g1` was told. */
async function toldBytes({ redis }: Broker): Promise<number> {
  const entries = await redis.client.xrange(keys.results("g1"), "-", "+");
  return entries.flatMap(([, fields]) => fields).reduce((sum, { length }) => sum + length, 0);
}

async function settle(broker: Broker, answers: readonly ImageAnswer[]): Promise<void> {
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  const outcome = { state: "succeeded", results: answers, timings: {} } as const;
  assert.deepEqual(await broker.source.settle([{ delivery, tell: "g1", outcome }]), ["succeeded"]);
}

Deno.test("a large answer reaches its gateway, and is not in what the gateway was told", async () => {
  for (const [answer, isTold] of [[SMALL, true], [LARGE, false]] as const) {
    await using broker = await openBroker();
    const id = await submit(broker);
    await settle(broker, [answer]);
    const { record } = await nextEvent(broker.feed);
    assert.deepEqual(record.results, [answer]);
    assert.deepEqual(record, await recordOf(broker.queue, id));
    assert.equal(await toldBytes(broker) > TOLD_BYTES_MAX / 2, isTold);
  }
});

Deno.test("a large answer whose record is gone is passed over, and what comes behind it is told", async () => {
  await using broker = await openBroker();
  const lost = await submit(broker);
  await settle(broker, [LARGE]);
  await broker.redis.client.del(keys.job(lost));
  const id = await submit(broker);
  await settle(broker, [SMALL]);
  assert.equal((await nextEvent(broker.feed)).id, id);
});

Deno.test("a large answer that cannot be read is a gap in the news", async () => {
  await using broker = await openBroker();
  const id = await submit(broker);
  await settle(broker, [LARGE]);
  // A key of another type, as any command that fails.
  await broker.redis.client.set(keys.job(id), "no record");
  for await (const item of broker.feed.items(forever)) {
    assert.equal(item.kind, "gap");
    break;
  }
});

Deno.test("large answers of a job that goes on are not told, but how far it has come is", async () => {
  await using broker = await openBroker();
  const images = [{ bytes: Uint8Array.of(1) }, { bytes: Uint8Array.of(2) }];
  const id = await submit(broker, { images });
  await attach(broker.queue, id, { progress: true });
  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  await broker.source.progress([{ delivery, tell: "g1", from: 0, answers: [LARGE] }]);
  const told: unknown[] = [];
  for await (const item of broker.feed.items(forever)) {
    assert(item.kind === "event");
    const { from, record: { images, results } } = item.event;
    told.push([from, images.done, results]);
    if (told.length === 2) break;
  }
  assert.deepEqual(told, [[0, 0, undefined], [0, 1, undefined]]);
  assert(await toldBytes(broker) < TOLD_BYTES_MAX);
});
