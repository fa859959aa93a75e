/**
 * A network's numbers for one image, turned into the answer that the client reads.
 *
 * Owns activation, order and labels of classes. Never runs a network.
 * Invariant: scores never rise along classes, and equal ones keep the order that the network has.
 *
 * @module
 */
import type { ImageAnswer, Prediction } from "../../shared/job.ts";
import type { Shape } from "../../shared/tensor.ts";
import type { OutputSpec } from "./config.ts";

/** What an answer is made with. */
export interface AnswerOptions {
  readonly output: Pick<OutputSpec, "activation" | "firstLabel">;
  /** `labels[i]` names class `firstLabel + i`; without labels a class is named by its number. */
  readonly labels: readonly string[];
  /** Number of predictions, at least 1; fewer are answered where there are fewer classes. */
  readonly top: number;
}

/**
 * Answers one image.
 *
 * @param values what the network gave for the image; views of it are in the answer
 * @throws {RangeError} where a value is not a finite number: the network failed on this image
 */
export function answerOf(
  values: Float32Array,
  { shape, ...options }: AnswerOptions & {
    readonly output: Pick<OutputSpec, "kind">;
    /** Of the values. */
    readonly shape: Shape;
  },
): ImageAnswer {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new RangeError(`cannot answer ${values[wrong]}, number ${wrong}`);
  switch (options.output.kind) {
    case "classes":
      return { predictions: predictionsOf(values, options) };
    case "embedding":
      return { embedding: values };
    case "tensor":
      return { tensor: { shape, data: values } };
  }
}

/**
 * Names the most probable classes of one image.
 *
 * @param scores one finite number a class; none gives an empty answer
 * @returns most probable first
 */
export function predictionsOf(scores: Float32Array, options: AnswerOptions): Prediction[] {
  const { output: { activation, firstLabel }, labels, top } = options;
  const probability = activation === "softmax" ? softmax(scores) : (score: number) => score;
  return greatest(scores, firstLabel, top).map((index) => ({
    label: labels[index - firstLabel] ?? String(index),
    probability: probability(scores[index]!),
  }));
}

/** Classes of the greatest scores, in that order: to sort all of a thousand took ten times as long. */
function greatest(scores: Float32Array, from: number, count: number): number[] {
  const best: number[] = [];
  for (let index = from; index < scores.length; index++) {
    const score = scores[index]!;
    if (best.length === count && score <= scores[best[count - 1]!]!) continue;
    let place = best.length;
    while (place > 0 && score > scores[best[place - 1]!]!) place--;
    best.splice(place, 0, index);
    if (best.length > count) best.pop();
  }
  return best;
}

/** The greatest score is taken off first, so that no power overflows. */
function softmax(scores: Float32Array): (score: number) => number {
  const greatest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = scores.reduce((total, score) => total + Math.exp(score - greatest), 0);
  return (score) => Math.exp(score - greatest) / sum;
}
