/**
 * The polling design as people build it: a Redis list of photos, and a key for each answer that the
 * gateway asks for every 250 ms; or, with `WAITS`, one of the ways around asking.
 *
 * For bench alone. Photos are base64 in JSON, as the usual example has them.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- it says when it is ready
import { Buffer } from "node:buffer";
import process from "node:process";
import { Hono } from "hono";
import { Redis } from "ioredis";
import { openAnswers } from "./answers.ts";

const LIST = "polling:photos";

const redis = new Redis(Deno.env.get("REDIS_URL")!);
const answers = await openAnswers(Deno.env.get("WAITS")!, redis);
const app = new Hono();
app.post("/predict", async (c) => {
  const id = crypto.randomUUID();
  const image = Buffer.from(await c.req.arrayBuffer()).toString("base64");
  const submit = () => redis.rpush(LIST, JSON.stringify({ id, image }));
  const answer = await answers.of(id, submit, c.req.raw.signal);
  return c.json({ success: true, ...JSON.parse(answer) });
});
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`gateway ready url=http://127.0.0.1:${port}`),
}, app.fetch);
// Ends with whoever started it.
process.stdin.resume().on("end", () => process.exit(0));
