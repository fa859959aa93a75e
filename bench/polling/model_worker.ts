/**
 * The worker of the polling design with a model, as the usual example has it: it looks into the
 * list, runs what it takes, and sleeps; after each batch, or only where nothing lies there.
 *
 * For bench alone; the model is run as Weir's worker runs it.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- it says when it is ready
import { Buffer } from "node:buffer";
import { Redis } from "ioredis";
import { systemClock } from "../../shared/clock.ts";
import { classesOf } from "../../shared/job.ts";
import type { EngineName } from "../../worker/engines/engine.ts";
import { openRepository } from "../../worker/models/repository.ts";
import { openModel } from "../../worker/open_model.ts";
import { endWithStarter } from "../peer_process.ts";

/** Where photos lie. */
export const LIST = "polling:photos";

const POLL_MS = 250;
const never = new AbortController().signal;

async function work(repository: string, wanted: EngineName, sleeps: string): Promise<never> {
  const redis = new Redis(Deno.env.get("REDIS_URL")!);
  const files = (await openRepository(repository)).find(({ config }) => config.default)!;
  const { model } = await openModel(files, { wanted, clock: systemClock }, never);
  console.log(`worker ready name=${model.card.engine}`);
  while (true) {
    // One image a batch.
    const [text] = await redis.lrange(LIST, 0, 0);
    if (text !== undefined) {
      const { id, image } = JSON.parse(text);
      const pixels = new Float32Array(new Uint8Array(Buffer.from(image, "base64")).buffer);
      const [answer] = await model.answer([{ pixels, top: undefined }], never);
      await redis.set(id, JSON.stringify(classesOf(answer)));
      await redis.ltrim(LIST, 1, -1);
    }
    if (text === undefined || sleeps === "always") await systemClock.sleep(POLL_MS, never);
  }
}

if (import.meta.main) {
  endWithStarter();
  const [repository = "", engine, sleeps = ""] = Deno.args;
  await work(repository, engine as EngineName, sleeps);
}
