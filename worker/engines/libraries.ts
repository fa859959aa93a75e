/**
 * What the engines' libraries read in the environment when they are loaded.
 *
 * Invariant: no library that is loaded after it tells anybody outside what it runs.
 *
 * @module
 */
import type { Config } from "../../shared/config.ts";

/**
 * Says it there, before the first engine is opened. What the user says counts more, but for reports.
 */
export function prepareLibraries(
  { WEIR_THREADS: threads }: Pick<Config, "WEIR_THREADS">,
  env: Pick<Deno.Env, "get" | "set">,
): void {
  const values = {
    // TensorFlow talks about the processor and each SavedModel. Two lines about oneDNN stay: it says
    // them while it is loaded, before it reads this.
    TF_CPP_MIN_LOG_LEVEL: "2",
    ...(threads !== undefined && { TF_NUM_INTRAOP_THREADS: String(threads) }),
  };
  for (const [name, value] of Object.entries(values)) env.set(name, env.get(name) ?? value);
  for (const [name, value] of Object.entries(NO_REPORTS)) env.set(name, value);
}

/** ONNX Runtime reports to its maker what is run on it, with a number for this machine. */
export const NO_REPORTS = { ORT_DISABLE_TELEMETRY: "1" } as const;
