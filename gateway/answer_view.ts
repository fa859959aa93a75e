/**
 * What a model answers, as clients read it: schemas of its JSON, and the JSON itself.
 *
 * Owns how numbers are printed. Invariant: a client that reads a number as float32 has the model's.
 *
 * @module
 */
import { z } from "zod";
import type { ImageAnswer } from "../shared/job.ts";

const Predictions = z.object({
  predictions: z.array(
    z.object({
      label: z.string().meta({ description: "Name of the class" }),
      probability: z.number().meta({ description: "From 0 to 1" }),
    }).meta({ id: "Prediction", description: "One class that the model sees" }),
  ).meta({ description: "Classes, most probable first" }),
});

const Embedding = z.object({
  embedding: z.array(z.number()).meta({
    description: "The row of numbers that stands for the image",
  }),
});

const Tensor = z.object({
  tensor: z.object({
    shape: z.array(z.int()),
    data: z.array(z.number()).meta({ description: "Row by row, as many as the shape has" }),
  }).meta({ id: "Tensor", description: "Numbers with their shape" }),
});

/** The answer of one image, by the model's `output.kind`. */
const ImageAnswerSchema = z.union([Predictions, Embedding, Tensor]);

const RESULTS = { description: "One for each image, in order, if there are several" };

/** The answer of a request's images: that of the first; with several, those of all besides. */
export const AnswerSchema = z.union([
  Predictions.extend({ results: z.array(Predictions).optional().meta(RESULTS) }),
  Embedding.extend({ results: z.array(Embedding).optional().meta(RESULTS) }),
  Tensor.extend({ results: z.array(Tensor).optional().meta(RESULTS) }),
]).meta({ id: "Answer", description: "What the model sees, by its `output.kind`" });

/** What a schema describes, as code that makes it but never changes it sees it. */
export type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

export type ImageAnswerView = Frozen<z.output<typeof ImageAnswerSchema>>;
export type AnswerView = Frozen<z.output<typeof AnswerSchema>>;

/** Makes the answer that `/predict` and a finished job share. */
export function answerView(results: readonly ImageAnswer[]): AnswerView {
  const views = results.map(imageAnswerView);
  const first = views[0] ?? { predictions: [] };
  // Answers of one job are of one kind.
  return views.length > 1 ? { ...first, results: views } as AnswerView : first;
}

/** Makes the answer of one image. */
export function imageAnswerView(answer: ImageAnswer): ImageAnswerView {
  if ("embedding" in answer) return { embedding: numbersOf(answer.embedding) };
  if (!("tensor" in answer)) return answer;
  const { shape, data } = answer.tensor;
  return { tensor: { shape, data: numbersOf(data) } };
}

/** Float32 numbers as those of few digits, which are enough to tell them from their neighbours. */
export function numbersOf(values: Float32Array): number[] {
  return Array.from(values).map(shortest);
}

/** Digits that a decimal keeps as float32, and those that are enough for any float32. */
const [DIGITS_MIN, DIGITS_MAX] = [6, 9];

/** Without it, 0.1 would be printed as 0.10000000149011612. */
function shortest(value: number): number {
  for (let digits = DIGITS_MIN; digits < DIGITS_MAX; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(DIGITS_MAX));
}
