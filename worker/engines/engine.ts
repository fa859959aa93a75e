/**
 * The port behind which a model runs: one engine a library, one model a loaded network.
 *
 * Owns the types that engines share. Never imports an engine.
 * Invariant: a model's `predict` keeps the order of the images in the batch.
 *
 * @module
 */
import type { Layout } from "../images/preprocess.ts";
import type { ModelConfig } from "../models/config.ts";

/** Names of the engines, as `WEIR_ENGINE` and the answers spell them. */
export type EngineName = "tensorflow" | "wasm" | "onnx" | "null";

/** How a model lies on disk. */
export type ModelFormat = "layers" | "graph" | "saved_model" | "onnx";

/** One version of a model as the repository found and checked it. */
export interface ModelFiles {
  readonly name: string;
  /** The number of the version's folder, as text: `"1"`. */
  readonly version: string;
  readonly format: ModelFormat;
  /** Absolute path of `NAME/VERSION`. */
  readonly folder: string;
  /** Absolute path of `model.json`, `saved_model.pb` or `model.onnx`. */
  readonly entry: string;
  readonly config: ModelConfig;
  /**
   * `labels[i]` names class `firstLabel + i`; classes below `firstLabel` are not answered.
   * Empty where the model has none: classes are then named by their numbers.
   */
  readonly labels: readonly string[];
}

/** A loaded network. */
export interface Model {
  /** Shape of one image's output, the batch left out: `[1000]` for a classifier of 1000. */
  readonly outputShape: readonly number[];
  /** How the network wants a picture's numbers. */
  readonly layout: Layout;
  /**
   * Runs the network once.
   *
   * @param batch `size × height × width × 3` float32 values in the layout, images one after the
   * other
   * @param size number of images in the batch, at least 1
   * @returns `size ×` the product of `outputShape` float32 values
   * @throws the signal's reason where it is aborted before the run; a run itself cannot be stopped
   */
  predict(batch: Float32Array, size: number, signal: AbortSignal): Promise<Float32Array>;
  /** Frees what the network holds. Calling it again does nothing. */
  dispose(): void;
}

/** A library that runs networks. */
export interface Engine {
  readonly name: EngineName;
  /** The library's name and version, for the log and the model's card: `tfjs-node 4.22.0`. */
  readonly description: string;
  /**
   * Loads a network and runs it once on a black image, which tells its output's shape.
   *
   * @throws {ModelError} naming the file and the fault where the network cannot be loaded
   */
  load(files: ModelFiles): Promise<Model>;
  /** Tensors alive in the engine, where it counts them: a leak shows here. */
  tensors(): number | undefined;
}
