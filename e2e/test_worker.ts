/**
 * The frame of worker programs whose model is not what it seems. All else about them is real.
 *
 * @module
 */
import { systemClock } from "../shared/clock.ts";
import { parseConfig } from "../shared/config.ts";
import { openLog } from "../shared/log.ts";
import { Tracing } from "../shared/tracing.ts";
import type { Engine, Model } from "../worker/engines/engine.ts";
import { selectEngine } from "../worker/engines/select.ts";
import { runWorker } from "../worker/mod.ts";

export interface TestWorker {
  /** Its name in the log. */
  readonly script: string;
  /** What is made of a real model. */
  readonly model: (model: Model) => Model;
  /** What it gives up once it has started. */
  readonly shed?: () => Promise<void>;
}

/** Prints a line. */
export function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Runs it as `main.ts worker` would, until SIGTERM or the end of standard input. */
export async function runTestWorker({ script, model, shed }: TestWorker): Promise<never> {
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
    tracing: new Tracing(systemClock),
    clock: systemClock,
    log: openLog({ level: "debug", format: "text", server: name, script, write: say }),
    ...(shed !== undefined && { shed }),
    selectEngine: async (...wanted: Parameters<typeof selectEngine>) => {
      const { engine, reason } = await selectEngine(...wanted);
      if (engine === undefined) return { engine, reason };
      const marked: Engine = {
        name: engine.name,
        description: engine.description,
        load: async (files) => model(await engine.load(files)),
        tensors: () => engine.tensors(),
      };
      return { engine: marked, reason };
    },
  };
  await runWorker(parts, stop.signal, new AbortController().signal);
  return Deno.exit(0);
}
