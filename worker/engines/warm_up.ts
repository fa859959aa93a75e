/**
 * A model's way to readiness: loaded, run once, its answer checked.
 *
 * Owns what a model must prove before a worker says that it serves it. Never retries.
 * Invariant: a model it returns has answered an image with finite numbers, one for each class, or
 * as many as its kind of answer may have.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { ANSWERS_BYTES_MAX } from "../../shared/job.ts";
import { bytesOfNumbers, type Shape, sizeOf } from "../../shared/tensor.ts";
import { ModelError } from "../models/model_error.ts";
import type { Engine, Model, ModelFiles } from "./engine.ts";

export interface WarmUpOptions {
  /** `WEIR_OUTPUT_BYTES_MAX`. */
  readonly outputBytesMax?: number | undefined;
}

/**
 * Loads a model and runs it on a black image.
 *
 * @throws {ModelError} naming the file and the fault; nothing stays loaded
 */
export async function loadWarm(
  engine: Engine,
  files: ModelFiles,
  signal: AbortSignal,
  options?: WarmUpOptions,
): Promise<Model> {
  const model = await engine.load(files);
  if (engine.name === "null") return model;
  try {
    await warmUp(model, files, signal, options);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * Runs a loaded model on a black image.
 *
 * @throws {ModelError} naming the file and the fault
 */
export async function warmUp(
  model: Model,
  files: ModelFiles,
  signal: AbortSignal,
  { outputBytesMax = ANSWERS_BYTES_MAX }: WarmUpOptions = {},
): Promise<void> {
  const { input: { width, height }, output: { kind } } = files.config;
  if (kind !== "classes") checkShape(model.outputShape, files, outputBytesMax);
  const values = await model.predict(new Float32Array(height * width * 3), 1, signal);
  const wrong = values.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw cannotServe(files, `it answers a black image with ${wrong}`);
  if (kind === "classes") checkClasses(values.length, files);
}

function checkShape(shape: Shape, files: ModelFiles, outputBytesMax: number): void {
  const size = sizeOf(shape);
  const answers = `it answers an image with numbers of the shape [${shape.join(", ")}]`;
  if (files.config.output.kind === "embedding" && !shape.includes(size)) {
    throw cannotServe(
      files,
      `${answers}, and "output.kind" is "embedding", which is one row: "tensor" takes any shape`,
    );
  }
  const bytes = bytesOfNumbers(shape);
  if (bytes > outputBytesMax) {
    throw cannotServe(
      files,
      `${answers}, ${bytes} bytes, WEIR_OUTPUT_BYTES_MAX is ${outputBytesMax}`,
    );
  }
}

function checkClasses(classes: number, files: ModelFiles): void {
  const { folder, config, labels } = files;
  const { firstLabel } = config.output;
  if (firstLabel >= classes) {
    throw cannotServe(
      files,
      `"output.firstLabel" is ${firstLabel}, the net has ${classes} classes`,
    );
  }
  if (config.labels !== undefined && labels.length + firstLabel !== classes) {
    throw new ModelError(
      `cannot use labels "${join(dirname(folder), config.labels)}": ${labels.length} lines ` +
        `from "output.firstLabel" ${firstLabel} on, the net has ${classes} classes`,
    );
  }
}

function cannotServe({ entry }: ModelFiles, state: string): ModelError {
  return new ModelError(`cannot serve "${entry}": ${state}`);
}
