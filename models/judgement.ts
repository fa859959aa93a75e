/**
 * What looks wrong about a photo's way through a network, in sentences that say what to do.
 *
 * Pure. Never calls a model right: it knows some faults, not all.
 *
 * @module
 */
import type { ModelFiles } from "../worker/engines/engine.ts";
import type { InputSpec } from "../worker/models/config.ts";
import { SUM_TOLERANCE } from "./settings.ts";

/** Numbers that a scale can give, by its name. */
const RANGES: Readonly<Record<InputSpec["scale"] & string, readonly [number, number]>> = {
  minus1to1: [-1, 1],
  "0to1": [0, 1],
  "0to255": [0, 255],
  caffe: [-124, 152],
};

/** Networks are trained on numbers about as large as one; own means and deviations leave some room. */
const OWN_RANGE = [-20, 20] as const;

/** A photo whose numbers are nearer to each other tells the network nothing. */
const SPREAD_MIN = 0.05;

/** The least and the greatest number. */
export function boundsOf(values: Float32Array): [number, number] {
  return values.reduce<[number, number]>(
    ([least, greatest], value) => [Math.min(least, value), Math.max(greatest, value)],
    [Infinity, -Infinity],
  );
}

/** The same for a person. */
export function rangeOf(values: Float32Array): string {
  const [least, greatest] = boundsOf(values);
  return `${short(least)} to ${short(greatest)}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** What looks wrong about the numbers that the network was given. */
export function inputFaults(
  values: Float32Array,
  { config: { input: { scale } } }: Pick<ModelFiles, "config">,
): string[] {
  // Samples from 0 to 1 have a mean of at most 1, and deviate by less.
  if (typeof scale !== "string" && [...scale.mean, ...scale.std].some((number) => number > 1)) {
    return [
      `"input.scale" has numbers above 1: "mean" and "std" are of samples from 0 to 1, divide ` +
      `those of 0 to 255 by 255`,
    ];
  }
  const [least, greatest] = boundsOf(values);
  const [from, to] = typeof scale === "string" ? RANGES[scale] : OWN_RANGE;
  if (!(least >= from && greatest <= to)) {
    return [`the photo's numbers are ${rangeOf(values)}, the scale's from ${from} to ${to}`];
  }
  if (greatest - least >= SPREAD_MIN) return [];
  return [
    `the photo's numbers are ${rangeOf(values)}, nearly all the same: ` +
    `take a photo with something on it`,
  ];
}

/** What looks wrong about the numbers that the network gave. */
export function outputFaults(
  scores: Float32Array,
  { config: { output }, labels }: Pick<ModelFiles, "config" | "labels">,
): string[] {
  const broken = scores.filter((score) => !Number.isFinite(score)).length;
  if (broken > 0) {
    return [`${broken} of ${scores.length} numbers that it answers are no numbers (NaN, infinite)`];
  }
  if (output.kind !== "classes") return [];
  return [
    ...labelFaults(scores.length, output.firstLabel, labels.length),
    ...sumFaults(scores, output),
  ];
}

function labelFaults(classes: number, firstLabel: number, labels: number): string[] {
  if (labels === 0 || labels + firstLabel === classes) return [];
  return [
    `there are ${labels} labels from class ${firstLabel} on, the network has ${classes} classes: ` +
    (labels + 1 === classes
      ? `set "output.firstLabel" to 1`
      : "these labels are another network's"),
  ];
}

function sumFaults(
  scores: Float32Array,
  { activation }: { readonly activation: string },
): string[] {
  const sum = scores.reduce((total, score) => total + score, 0);
  const areProbabilities = Math.abs(sum - 1) <= SUM_TOLERANCE &&
    scores.every((score) => score >= 0);
  if (activation === "none" && !areProbabilities) {
    return [
      `what it answers sums to ${short(sum)}, not 1: ` +
      `set "output.activation" to "softmax", unless each class stands alone`,
    ];
  }
  if (activation === "softmax" && areProbabilities) {
    return [
      `what it answers sums to 1 already: set "output.activation" to "none", as softmax makes ` +
      `all classes alike`,
    ];
  }
  return [];
}

/** What whoever serves the model has to know, although it may be right. */
export function remarks(
  { config: { output }, labels }: Pick<ModelFiles, "config" | "labels">,
): string[] {
  return [
    `no photo tells whether "input.scale" is right, a network may only be less sure with a wrong ` +
    `one: look it up where the network comes from`,
    ...(output.kind === "classes" && labels.length === 0
      ? [`there are no labels, classes are named by their numbers: set "labels" to their file`]
      : []),
  ];
}
