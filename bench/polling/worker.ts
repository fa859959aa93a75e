/**
 * The polling design's worker: takes what lies in the list, one batch after the other, and sleeps
 * 250 ms where nothing does. Does nothing with the photos but read them.
 *
 * For bench alone.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- it says when it is ready
import { Buffer } from "node:buffer";
import { Redis } from "ioredis";
import { systemClock } from "../../shared/clock.ts";
import { endWithStarter } from "../peer_process.ts";
import { CHANNEL } from "./answers.ts";

const POLL_MS = 250;
const LIST = "polling:photos";
const BATCH = 32;
const never = new AbortController().signal;

endWithStarter();
const redis = new Redis(Deno.env.get("REDIS_URL")!);
const isPublished = Deno.env.get("WAITS") === "pubsub";
const delayMs = Number(Deno.env.get("DELAY_MS") ?? "0");
console.log("worker ready name=polling");
while (true) {
  const taken = await redis.lrange(LIST, 0, BATCH - 1);
  await redis.ltrim(LIST, taken.length, -1);
  for (const text of taken) {
    const { id, image } = JSON.parse(text);
    Buffer.from(image, "base64");
    if (delayMs > 0) await systemClock.sleep(delayMs, never);
    const answer = JSON.stringify({ predictions: [], finishedAt: systemClock.wall() });
    if (isPublished) await redis.publish(CHANNEL, JSON.stringify({ id, answer }));
    else await redis.set(id, answer);
  }
  if (taken.length === 0) await systemClock.sleep(POLL_MS, never);
}
