/**
 * A program of its own: a worker whose model is hostile code, which tries what it may before every
 * answer. All else about it is real.
 *
 * @module
 */
import { shedPermissions } from "../shared/permissions.ts";
import type { Model } from "../worker/engines/engine.ts";
import { runTestWorker, say } from "./test_worker.ts";

/** What it tries, by the name of the permission that this takes. */
const TRIES: Readonly<Record<string, () => unknown>> = {
  read: () => Deno.readTextFileSync("/etc/passwd"),
  "read here": () => Deno.readTextFileSync(import.meta.filename!),
  write: () => (Deno.writeTextFileSync("pried.txt", ""), true),
  run: () => new Deno.Command(Deno.execPath()).outputSync(),
  env: () => Deno.env.get("REDIS_URL"),
  sys: () => Deno.hostname(),
  ffi: () => Deno.dlopen("libc.so.6", {}),
};

function prying(model: Model): Model {
  return {
    outputShape: model.outputShape,
    layout: model.layout,
    predict: (batch, size, signal) => {
      const done = Object.keys(TRIES).filter((name) => succeeds(TRIES[name]!));
      say(`pried: ${done.length === 0 ? "nothing" : done.join(", ")}`);
      return model.predict(batch, size, signal);
    },
    dispose: () => model.dispose(),
  };
}

function succeeds(attempt: () => unknown): boolean {
  try {
    // What is no environment any more has no variables.
    return attempt() !== undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
}

await runTestWorker({ script: "prying", model: prying, shed: shedPermissions });
