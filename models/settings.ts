/**
 * The `weir.json` of a model that is added: what is told, what can be read, and what is guessed.
 *
 * Owns the words about guesses: whoever adds a model is told each of them. Invariant: what leaves
 * this module would be accepted by the worker.
 *
 * @module
 */
import { schemaFaults } from "../shared/schema_faults.ts";
import type { ModelFiles } from "../worker/engines/engine.ts";
import { MODEL_CONFIG_FIELDS, ModelConfigSchema } from "../worker/models/config.ts";
import { ModelError } from "../worker/models/model_error.ts";
import type { Size } from "./input_size.ts";

/** A `weir.json` as JSON, its unknown fields included. */
export type Settings = Readonly<Record<string, unknown>>;

/** What a person says of a model. */
export interface Told {
  /** A scale's name, or JSON of `mean` and `std`. */
  readonly scale?: string | undefined;
  readonly activation?: string | undefined;
  readonly kind?: string | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** Settings, and sentences about them, one for each guess. */
export interface Made {
  readonly settings: Settings;
  readonly notes: readonly string[];
}

/**
 * Makes settings.
 *
 * @param base what came with the model; empty where nothing did
 * @param size what the network's files say of its input
 * @throws {ModelError} where what is told is wrong, or the input's size is not known
 */
export function makeSettings(base: Settings, told: Told, size: Size): Made {
  const notes: string[] = [];
  const input = { ...objectOf(base.input), ...toldInput(told) };
  input.width ??= size.width;
  input.height ??= size.height;
  if (input.width === undefined || input.height === undefined) {
    throw new ModelError(
      "cannot make a weir.json: the network does not say how large its pictures are, " +
        "give --width and --height",
    );
  }
  if (input.scale === undefined) {
    input.scale = "0to1";
    notes.push(
      `guessed "input.scale": "0to1", as no network says with which numbers it was trained: ` +
        `look it up where it comes from, and give --scale if it is another`,
    );
  }
  const output = { ...objectOf(base.output) };
  if (told.kind !== undefined) output.kind = told.kind;
  if (told.activation !== undefined) output.activation = told.activation;
  return { settings: checked({ ...base, input, output }), notes };
}

function toldInput({ scale, width, height }: Told): Record<string, unknown> {
  return {
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(scale !== undefined && { scale: scale.startsWith("{") ? jsonOf(scale) : scale }),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ModelError(`cannot use --scale "${text}": ${(error as Error).message}`);
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function checked(settings: Settings): Settings {
  const read = ModelConfigSchema.safeParse(settings);
  if (read.success) return settings;
  const faults = schemaFaults(read.error, MODEL_CONFIG_FIELDS).join("; ");
  throw new ModelError(`cannot make a weir.json: ${faults}`);
}

/** What a model answers. */
export function kindOf({ output }: Settings): unknown {
  return objectOf(output).kind ?? "classes";
}

/** Numbers that differ from 1 by no more count as a sum of probabilities. */
export const SUM_TOLERANCE = 0.01;

/**
 * Completes settings by what the network answered to a picture of noise.
 *
 * @param scores of all classes
 * @param labels none where the model has none
 */
export function guessOutput(
  { settings, notes }: Made,
  scores: Float32Array,
  { labels }: Pick<ModelFiles, "labels">,
): Made {
  const output = objectOf(settings.output);
  const added: string[] = [];
  if (kindOf(settings) !== "classes") return { settings, notes };
  if (output.activation === undefined) {
    const { activation, why } = activationOf(scores);
    output.activation = activation;
    added.push(`guessed "output.activation": "${activation}", as ${why}`);
  }
  if (output.firstLabel === undefined && scores.length === labels.length + 1 && labels.length > 0) {
    output.firstLabel = 1;
    added.push(`guessed "output.firstLabel": 1, as the network has one class more than labels`);
  }
  return { settings: { ...settings, output }, notes: [...notes, ...added] };
}

function activationOf(scores: Float32Array): { activation: string; why: string } {
  const sum = scores.reduce((total, score) => total + score, 0);
  const inRange = scores.every((score) => score >= 0 && score <= 1 + SUM_TOLERANCE);
  const told = `what it answers to noise sums to ${Number(sum.toPrecision(4))}`;
  if (inRange && Math.abs(sum - 1) <= SUM_TOLERANCE) return { activation: "none", why: told };
  if (inRange) {
    return {
      activation: "none",
      why: `${told}, each between 0 and 1, as if classes were not apart`,
    };
  }
  return { activation: "softmax", why: `${told}, so it is no probabilities yet` };
}
