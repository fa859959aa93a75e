/**
 * The worker of the way through Redis Streams with nothing around it: answers without a look at the
 * photos.
 *
 * For bench alone.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- it says when it is ready
import { Redis } from "ioredis";
import { endWithStarter } from "../peer_process.ts";

const [PHOTOS, GROUP, BATCH] = ["bare:photos", "workers", 32] as const;
const ANSWER = JSON.stringify({ predictions: [] });

endWithStarter();
const url = Deno.env.get("REDIS_URL")!;
const [reading, writing] = [new Redis(url), new Redis(url)];
await writing.xgroup("CREATE", PHOTOS, GROUP, "$", "MKSTREAM");
console.log("worker ready name=streams");
while (true) {
  const streams = await reading.xreadgroupBuffer(
    ...["GROUP", GROUP, "worker", "COUNT", BATCH, "BLOCK", 0, "STREAMS", PHOTOS, ">"] as const,
  ) as [Uint8Array, [Uint8Array, Uint8Array[]][]][];
  const deliveries = streams[0]![1];
  const entries = deliveries.map(([entry]) => entry.toString());
  const settling = writing.pipeline();
  for (const [, [, id]] of deliveries) {
    settling.xadd("bare:answers", "MAXLEN", "~", 1000, "*", "id", id!.toString(), "answer", ANSWER);
  }
  settling.xack(PHOTOS, GROUP, ...entries).xdel(PHOTOS, ...entries);
  await settling.exec();
}
