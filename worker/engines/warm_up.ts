/**
 * A model's way to readiness: loaded, run once, its answer checked.
 *
 * Owns what a model must prove before a worker says that it serves it. Never retries.
 * Invariant: a model it returns has answered an image with finite numbers, one for each class.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { ModelError } from "../models/model_error.ts";
import type { Engine, Model, ModelFiles } from "./engine.ts";

/**
 * Loads a model and runs it on a black image.
 *
 * @throws {ModelError} naming the file and the fault; nothing stays loaded
 */
export async function loadWarm(
  engine: Engine,
  files: ModelFiles,
  signal: AbortSignal,
): Promise<Model> {
  if (files.config.output.kind !== "classes") {
    throw new ModelError(
      `cannot serve "${files.entry}": "output.kind" is "${files.config.output.kind}", ` +
        `this version of Weir answers "classes" alone`,
    );
  }
  const model = await engine.load(files);
  if (engine.name === "null") return model;
  try {
    const { width, height } = files.config.input;
    checkScores(await model.predict(new Float32Array(height * width * 3), 1, signal), files);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function checkScores(scores: Float32Array, { entry, folder, config, labels }: ModelFiles): void {
  const { firstLabel } = config.output;
  const wrong = scores.find((score) => !Number.isFinite(score));
  if (wrong !== undefined) {
    throw new ModelError(`cannot serve "${entry}": it answers a black image with ${wrong}`);
  }
  if (firstLabel >= scores.length) {
    throw new ModelError(
      `cannot serve "${entry}": "output.firstLabel" is ${firstLabel}, ` +
        `the net has ${scores.length} classes`,
    );
  }
  if (config.labels !== undefined && labels.length + firstLabel !== scores.length) {
    throw new ModelError(
      `cannot use labels "${join(dirname(folder), config.labels)}": ${labels.length} lines ` +
        `from "output.firstLabel" ${firstLabel} on, the net has ${scores.length} classes`,
    );
  }
}
