/**
 * A program of its own: a worker that dies of a white picture, at once and without a word to
 * Redis, as native code does when it crashes. All else about it is real.
 *
 * @module
 */
import process from "node:process";
import { systemClock } from "../shared/clock.ts";
import { parseConfig } from "../shared/config.ts";
import { openLog } from "../shared/log.ts";
import type { Engine, Model } from "../worker/engines/engine.ts";
import { selectEngine } from "../worker/engines/select.ts";
import { runWorker } from "../worker/mod.ts";

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** The same model, but for what white does to it. */
function crashing(model: Model): Model {
  return {
    outputShape: model.outputShape,
    predict: (batch, size, signal) => {
      const length = batch.length / size;
      const images = Array.from(
        { length: size },
        (_, i) => batch.subarray(i * length, (i + 1) * length),
      );
      if (images.some((image) => image.every((value) => value === 1))) {
        say(`crashing in a batch of ${size}`);
        process.kill(process.pid, "SIGKILL");
      }
      return model.predict(batch, size, signal);
    },
    dispose: () => model.dispose(),
  };
}

const read = parseConfig(Deno.env.toObject());
if (!read.ok) throw new Error(read.faults.join("; "));
const { config } = read;
const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => stop.abort());
const name = `${config.WEIR_NAME}-${crypto.randomUUID().slice(0, 8)}`;
const parts = {
  config,
  name,
  redis: {
    url: config.REDIS_URL!,
    name: `weir:worker:${name}`,
    timeoutMs: config.WEIR_REDIS_TIMEOUT_MS,
  },
  clock: systemClock,
  log: openLog({ level: "debug", format: "text", server: name, script: "crashing", write: say }),
  selectEngine: async (...wanted: Parameters<typeof selectEngine>) => {
    const { engine, reason } = await selectEngine(...wanted);
    if (engine === undefined) return { engine, reason };
    const marked: Engine = {
      name: engine.name,
      description: engine.description,
      load: async (files) => crashing(await engine.load(files)),
      tensors: () => engine.tensors(),
    };
    return { engine: marked, reason };
  },
};
await runWorker(parts, stop.signal, new AbortController().signal);
Deno.exit(0);
