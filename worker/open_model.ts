/**
 * A version of a model becomes one that is served: its engine found, its network loaded and tried.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import type { EngineName, ModelFiles } from "./engines/engine.ts";
import { selectEngine } from "./engines/select.ts";
import { loadWarm } from "./engines/warm_up.ts";
import { ModelError } from "./models/model_error.ts";
import { type Served, ServedModel } from "./served_model.ts";

export interface OpenModelOptions {
  /** `WEIR_ENGINE`. */
  readonly wanted: "auto" | EngineName;
  /** With which ONNX Runtime computes; the cores unless given. */
  readonly threads?: number | undefined;
  /** What the engine `null` takes over an image. */
  readonly delayMs?: number;
  /** `WEIR_OUTPUT_BYTES_MAX`. */
  readonly outputBytesMax?: number | undefined;
  readonly clock: Pick<Clock, "sleep">;
  /** How the engine is found: among the real ones, unless a test has its own. */
  readonly selectEngine?: typeof selectEngine;
}

export interface OpenedModel {
  readonly model: Served;
  /** The engine's library and version. */
  readonly description: string;
  /** Why it is this engine. */
  readonly reason: string;
}

/**
 * Opens a model.
 *
 * @throws {ModelError} naming the file and the fault; nothing stays loaded
 */
export async function openModel(
  files: ModelFiles,
  { wanted, delayMs = 0, selectEngine: select = selectEngine, ...options }: OpenModelOptions,
  signal: AbortSignal,
): Promise<OpenedModel> {
  const { engine, reason } = await select(wanted, files.format, { delayMs, ...options });
  if (engine === undefined) throw new ModelError(`cannot load "${files.entry}": ${reason}`);
  const model = new ServedModel(files, await loadWarm(engine, files, signal, options), engine);
  return { model, description: engine.description, reason };
}
