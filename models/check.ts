/**
 * `model check`: a photo through the worker's own engine, and what looks wrong about it.
 *
 * Owns the judgements. Invariant: all that can be judged is, whatever else is wrong.
 *
 * @module
 */
import { basename, join, resolve } from "node:path";
import { osState } from "../shared/os_error.ts";
import type { Engine, ModelFiles } from "../worker/engines/engine.ts";
import { decodeImage } from "../worker/images/decode.ts";
import { predictionsOf } from "../worker/models/answer.ts";
import { ModelError } from "../worker/models/model_error.ts";
import { modelNames, openRepository, readModel } from "../worker/models/repository.ts";
import { inputFaults, outputFaults, rangeOf, remarks } from "./judgement.ts";
import type { ModelParts } from "./parts.ts";
import { assertKnown } from "./target.ts";
import { engineFor, type Run, Trial } from "./trial.ts";

/** What is looked at where no photo is given: one of those that come with Weir. */
const PHOTO = new URL("../fixtures/photos/star.jpg", import.meta.url).pathname;

export interface CheckOptions {
  /** The model; the default one otherwise. */
  readonly name?: string | undefined;
  /** Path of a photo. */
  readonly photo?: string | undefined;
}

/**
 * Runs a photo through a model and prints what happened.
 *
 * @returns the exit code: 0, or 1 where something looks wrong
 * @throws {ModelError} where the model cannot be loaded, or the photo not be read
 */
export async function checkModel(
  { name, photo = PHOTO }: CheckOptions,
  parts: ModelParts,
): Promise<number> {
  const { config, signal, write } = parts;
  const files = await modelOf(config.WEIR_MODELS, name);
  const { engine, reason } = await engineFor(files, parts);
  if (engine === undefined) throw new ModelError(`cannot load "${files.entry}": ${reason}`);
  const pixels = await pixelsOf(photo, files, config.WEIR_PIXELS_MAX);
  using trial = await Trial.load(engine, files);
  const run = await trial.run(pixels, signal);
  const faults = [...inputFaults(run.input, files), ...outputFaults(run.output, files)];
  write(header(files, engine, trial));
  write(`photo   ${basename(photo)}`);
  write(answer(run, files));
  for (const remark of remarks(files)) write(`note: ${remark}`);
  for (const fault of faults) write(`looks wrong: ${fault}`);
  if (faults.length === 0) write("nothing looks wrong");
  return faults.length === 0 ? 0 : 1;
}

async function modelOf(folder: string, name: string | undefined): Promise<ModelFiles> {
  if (name === undefined) {
    const served = await openRepository(folder);
    return served.findLast(({ config }) => config.default)!;
  }
  const repository = resolve(folder);
  assertKnown(name, await modelNames(repository));
  return await readModel(join(repository, name));
}

async function pixelsOf(
  photo: string,
  { config }: ModelFiles,
  pixelsMax: number,
): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(photo);
  } catch (error) {
    throw new ModelError(`cannot read photo "${photo}": ${osState(error)}`);
  }
  const decoded = await decodeImage(bytes, config.input, { pixelsMax });
  if (decoded.ok) return decoded.pixels;
  throw new ModelError(`cannot use photo "${photo}": ${decoded.detail}`);
}

function header(files: ModelFiles, { name, description }: Engine, trial: Trial): string {
  const { input, output } = files.config;
  const { width, height, fit, kernel, channels } = input;
  const scale = typeof input.scale === "string" ? input.scale : JSON.stringify(input.scale);
  const labels = files.labels.length === 0
    ? "no labels"
    : `${files.labels.length} labels from class ${output.firstLabel} on`;
  return [
    `model   ${files.name} version ${files.version}, ${files.format}`,
    `engine  ${name}, ${description}`,
    `input   [${trial.inputShape.join(", ")}]: ${width}×${height} pixels, fit ${fit}, ` +
    `kernel ${kernel}, channels ${channels}, scale ${scale}`,
    `output  [${trial.outputShape.join(", ")}]: kind ${output.kind}, ` +
    `activation ${output.activation}, ${labels}`,
  ].join("\n");
}

/** The numbers' ranges, and the classes where there are some. */
function answer({ input, output }: Run, { config, labels }: ModelFiles): string {
  const lines = [`values  in ${rangeOf(input)}, out ${rangeOf(output)}`];
  const isFinite = output.every(Number.isFinite);
  if (config.output.kind !== "classes" || !isFinite) return lines.join("\n");
  const { output: { top } } = config;
  for (const { label, probability } of predictionsOf(output, { ...config, labels, top })) {
    lines.push(`${probability.toFixed(4).padStart(14)}  ${label}`);
  }
  return lines.join("\n");
}
