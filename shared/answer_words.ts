/**
 * What a model answers with, in words.
 *
 * @module
 */

/** So many numbers are shown. */
const SHOWN_MAX = 5;

/** The answer of a model that knows no classes, as JSON has it. */
export type NumbersAnswer =
  | { readonly embedding: readonly number[] }
  | { readonly tensor: { readonly shape: readonly number[]; readonly data: readonly number[] } };

/** How many numbers there are, with the first of them: `512 numbers: 0.25, -1, 0.125, 3, 0.5, …`. */
export function numbersInWords(answer: NumbersAnswer): string {
  const { shape, data } = "tensor" in answer
    ? answer.tensor
    : { shape: [answer.embedding.length], data: answer.embedding };
  const shown = data.slice(0, SHOWN_MAX).join(", ");
  const more = data.length > SHOWN_MAX ? ", …" : "";
  const sides = shape.length === 0 ? "1" : shape.join(" × ");
  return `${sides} number${sides === "1" ? "" : "s"}: ${shown}${more}`;
}
