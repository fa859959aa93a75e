/**
 * What people would pick instead: BullMQ behind Hono on Node. The gateway adds a job and waits for
 * its outcome with `waitUntilFinished`.
 *
 * A job of BullMQ is JSON, so the photo goes as base64. The last thousand finished jobs are kept:
 * where they are removed at once, `waitUntilFinished` fails for a job that was faster than it.
 */
import { serve } from "@hono/node-server";
import { Queue, QueueEvents } from "bullmq";
import { Hono } from "hono";
import { Redis } from "ioredis";

const connection = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const queue = new Queue("photos", { connection });
const events = new QueueEvents("photos", { connection });
await events.waitUntilReady();

const kept = { count: 1000 };
const removal = { removeOnComplete: kept, removeOnFail: kept };
const app = new Hono();
app.post("/predict", async (c) => {
  const image = Buffer.from(await c.req.arrayBuffer()).toString("base64");
  const job = await queue.add("photo", { image }, removal);
  return c.json(await job.waitUntilFinished(events, 30_000));
});
// Ends with whoever started it.
process.stdin.resume().on("end", () => process.exit(0));
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
  process.stdout.write(`gateway ready url=http://127.0.0.1:${port}\n`);
});
