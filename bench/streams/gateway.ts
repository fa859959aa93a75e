/**
 * The way through Redis Streams with nothing around it: a photo is an entry of one stream, its
 * answer an entry of another.
 *
 * For bench alone: what no system on this runtime, client library and Redis can go below. Nothing
 * is checked, bounded or claimed; what is lost on the way is waited for for ever.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Hono } from "hono";
import { Redis } from "ioredis";
import { endWithStarter, serve } from "../peer_process.ts";

const url = Deno.env.get("REDIS_URL")!;
const [writing, reading] = [new Redis(url), new Redis(url)];
const waiters = new Map<string, (answer: string) => void>();

async function readAnswers(): Promise<never> {
  let last = "$";
  while (true) {
    const streams = await reading.xread("COUNT", 100, "BLOCK", 0, "STREAMS", "bare:answers", last);
    for (const [entry, [, id, , answer]] of streams![0]![1]) {
      last = entry;
      waiters.get(id!)?.(answer!);
      waiters.delete(id!);
    }
  }
}

const app = new Hono();
app.post("/predict", async (c) => {
  const id = crypto.randomUUID();
  const { promise, resolve } = Promise.withResolvers<string>();
  waiters.set(id, resolve);
  const image = Buffer.from(await c.req.arrayBuffer());
  await writing.xadd("bare:photos", "*", "id", id, "image", image);
  return c.json({ success: true, ...JSON.parse(await promise) });
});
void readAnswers();
serve(app.fetch);
endWithStarter();
