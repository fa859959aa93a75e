/**
 * A network's scores for one image, turned into the classes that the client reads.
 *
 * Owns activation, order and labels of an answer. Never runs a network.
 * Invariant: scores never rise along an answer, and equal ones keep the order of classes.
 *
 * @module
 */
import type { Prediction } from "../../shared/job.ts";
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
 * Names the most probable classes of one image.
 *
 * @param scores what the network gave for the image, one number a class; none gives an empty answer
 * @returns most probable first
 * @throws {RangeError} where a score is not a finite number: the network failed on this image
 */
export function predictionsOf(scores: Float32Array, options: AnswerOptions): Prediction[] {
  const { output: { activation, firstLabel }, labels, top } = options;
  const wrong = scores.findIndex((score) => !Number.isFinite(score));
  if (wrong >= 0) throw new RangeError(`cannot answer score ${scores[wrong]} of class ${wrong}`);
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
