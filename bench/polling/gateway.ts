/**
 * The polling design as people build it: a Redis list of photos, and a key for each answer that the
 * gateway asks for every 250 ms; or, with `WAITS`, one of the ways around asking.
 *
 * For bench alone. Photos are base64 in JSON, as the usual example has them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Hono } from "hono";
import { Redis } from "ioredis";
import { endWithStarter, serve } from "../peer_process.ts";
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
serve(app.fetch);
endWithStarter();
