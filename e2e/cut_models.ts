/**
 * The built-in network, cut before its end: real models that are no classifiers.
 *
 * @module
 */
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { toOnnx } from "../fixtures/training/layers_to_onnx.ts";
import { readArtifacts } from "../worker/engines/tfjs.ts";
import { ROOT } from "./program.ts";

const WHOLE = join(ROOT, "fixtures", "models", "shapes");

/** Where a model is cut: behind the last layer of the kind. */
export type Cut = "GlobalAveragePooling2D" | "SeparableConv2D";

/**
 * Writes the network up to its last layer of a kind into a repository.
 *
 * @returns the same, to be run here on the processor
 */
export async function writeCut(
  repository: string,
  name: string,
  { cut, output, format }: {
    readonly cut: Cut;
    readonly output: Readonly<Record<string, unknown>>;
    readonly format: "layers" | "onnx";
  },
): Promise<tf.LayersModel> {
  await tf.setBackend("cpu");
  const artifacts = await readArtifacts(join(WHOLE, "1", "model.json"));
  const whole = await tf.loadLayersModel(tf.io.fromMemory(artifacts));
  const layer = whole.layers.findLast((one) => one.getClassName() === cut)!;
  const model = tf.model({ inputs: whole.inputs, outputs: layer.output as tf.SymbolicTensor });
  const { input } = JSON.parse(await Deno.readTextFile(join(WHOLE, "weir.json")));
  const folder = join(repository, name, "1");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(repository, name, "weir.json"), JSON.stringify({ input, output }));
  if (format === "onnx") await Deno.writeFile(join(folder, "model.onnx"), toOnnx(model));
  else await model.save(tf.io.withSaveHandler((saved) => writeLayers(folder, saved)));
  return model;
}

async function writeLayers(
  folder: string,
  artifacts: tf.io.ModelArtifacts,
): Promise<tf.io.SaveResult> {
  const { weightSpecs, weightData, ...saved } = artifacts;
  const weights = new Uint8Array(weightData as ArrayBuffer);
  await Deno.writeFile(join(folder, "weights.bin"), weights);
  const weightsManifest = [{ paths: ["weights.bin"], weights: weightSpecs }];
  await Deno.writeTextFile(
    join(folder, "model.json"),
    JSON.stringify({ ...saved, format: "layers-model", weightsManifest }),
  );
  return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
}
