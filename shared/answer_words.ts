/**
 * What a model answers with, in words.
 *
 * @module
 */

/** So many numbers are shown. */
const SHOWN_MAX = 5;

/** Numbers of a shape, with the first of them: `512 numbers: 0.25, -1, 0.125, 3, 0.5, …`. */
export function numbersInWords(
  shape: readonly number[],
  numbers: readonly number[],
): string {
  const shown = numbers.slice(0, SHOWN_MAX).join(", ");
  const more = numbers.length > SHOWN_MAX ? ", …" : "";
  const sides = shape.length === 0 ? "1" : shape.join(" × ");
  return `${sides} number${sides === "1" ? "" : "s"}: ${shown}${more}`;
}
