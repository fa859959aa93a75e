/**
 * Which engine runs a model.
 *
 * Owns the order of preference. Never logs: the reason is a value, as is finding no engine.
 * Invariant: an engine that was asked for by name is never replaced by another.
 *
 * @module
 */
import type { Engine, EngineName, ModelFormat } from "./engine.ts";
import { faultOf } from "../models/model_error.ts";
import { type NullEngineOptions, openNull } from "./null.ts";
import { type OnnxEngineOptions, openOnnx } from "./onnx.ts";
import { openTensorflow } from "./tensorflow.ts";
import { openWasm } from "./wasm.ts";

/** What became of the choice, with the sentence that explains it. */
export type Selection =
  | { readonly engine: Engine; readonly reason: string }
  | { readonly engine: undefined; readonly reason: string };

/** What engines need to know. */
export interface EngineOptions extends NullEngineOptions, OnnxEngineOptions {}

/** Engines that `auto` tries for a model of the format, best first. */
const PREFERRED: Readonly<Record<ModelFormat, readonly EngineName[]>> = {
  layers: ["tensorflow", "wasm"],
  graph: ["tensorflow", "wasm"],
  saved_model: ["tensorflow"],
  onnx: ["onnx"],
};

/** Whether what would run the model holds its thread while it computes: TensorFlow.js does. */
export function holdsItsThread(wanted: "auto" | EngineName, format: ModelFormat): boolean {
  const names = wanted === "auto" ? PREFERRED[format] : [wanted];
  return names.some((name) => name === "tensorflow" || name === "wasm");
}

/**
 * Loads the engine that `WEIR_ENGINE` asks for.
 *
 * @param wanted its name, or `auto` for the best that runs the model's format and loads
 */
export async function selectEngine(
  wanted: "auto" | EngineName,
  format: ModelFormat,
  options: EngineOptions,
): Promise<Selection> {
  const faults: string[] = [];
  for (const name of wanted === "auto" ? PREFERRED[format] : [wanted]) {
    try {
      const engine = await open(name, options);
      const choice = wanted === "auto" ? `the best for ${format} that loads` : "asked for by name";
      return { engine, reason: [choice, ...faults].join("; ") };
    } catch (error) {
      faults.push(`cannot load engine "${name}": ${faultOf(error)}`);
    }
  }
  return { engine: undefined, reason: faults.join("; ") };
}

function open(name: EngineName, options: EngineOptions): Promise<Engine> {
  switch (name) {
    case "tensorflow":
      return openTensorflow();
    case "wasm":
      return openWasm();
    case "onnx":
      return openOnnx(options);
    case "null":
      return Promise.resolve(openNull(options));
  }
}
