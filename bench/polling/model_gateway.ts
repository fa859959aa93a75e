/**
 * The gateway of the polling design with a model, as the usual example has it: it decodes a photo
 * itself, and queues its numbers as base64 in JSON.
 *
 * For bench alone.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Hono } from "hono";
import { Redis } from "ioredis";
import { endWithStarter, serve } from "../peer_process.ts";
import { decodeImage } from "../../worker/images/decode.ts";
import { preprocess } from "../../worker/images/preprocess.ts";
import { openRepository } from "../../worker/models/repository.ts";
import { openAnswers } from "./answers.ts";
import { LIST } from "./model_worker.ts";

const PIXELS_MAX = 50_000_000;

endWithStarter();
const [repository = ""] = Deno.args;
const redis = new Redis(Deno.env.get("REDIS_URL")!);
const answers = await openAnswers("polling", redis);
const files = (await openRepository(repository)).find(({ config }) => config.default)!;
const { input } = files.config;
const app = new Hono();
app.post("/predict", async (c) => {
  const id = crypto.randomUUID();
  const body = new Uint8Array(await c.req.arrayBuffer());
  const decoded = await decodeImage(body, input, { pixelsMax: PIXELS_MAX });
  if (!decoded.ok) return c.json({ success: false }, 422);
  const numbers = new Float32Array(decoded.pixels.length);
  preprocess(decoded.pixels, input, numbers, 0);
  const image = Buffer.from(numbers.buffer).toString("base64");
  const submit = () => redis.rpush(LIST, JSON.stringify({ id, image }));
  const answer = await answers.of(id, submit, c.req.raw.signal);
  return c.json({ success: true, predictions: JSON.parse(answer) });
});
serve(app.fetch);
