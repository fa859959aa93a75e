/**
 * Numbers and faults in words, the same on all pages.
 *
 * @module
 */
import type { AnswerView } from "../answer_view.ts";

const PERCENT = new Intl.NumberFormat("en", {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

const GROUPED = new Intl.NumberFormat("en");

const TO_THE_MINUTE = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

const WITH_SECONDS = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** A probability; what would be rounded to nothing is said to be small. */
export function percent(probability: number): string {
  return probability > 0 && probability < 0.0005 ? "<0.1%" : PERCENT.format(probability);
}

/** So many numbers of an answer are shown. */
const NUMBERS_SHOWN_MAX = 5;

/** How many numbers of a shape there are: `7 × 7 × 32 numbers`. */
export function shapeInWords(shape: readonly number[]): string {
  return shape.length > 1 ? `${shape.join(" × ")} numbers` : counted(shape[0] ?? 1, "number");
}

/** The numbers of an answer that has no classes. */
export function numbersIn(
  answer: Exclude<AnswerView, { readonly predictions: unknown }>,
): { readonly shape: readonly number[]; readonly data: readonly number[] } {
  if ("tensor" in answer) return answer.tensor;
  return { shape: [answer.embedding.length], data: answer.embedding };
}

/** An answer, short enough to be read out. */
export function answerInWords(answer: AnswerView): string {
  if (!("predictions" in answer)) return shapeInWords(numbersIn(answer).shape);
  const [best] = answer.predictions;
  return best === undefined ? "answered" : `${best.label}, ${percent(best.probability)}`;
}

/** The first of an answer's numbers. */
export function firstOf(numbers: readonly number[]): string {
  const first = numbers.slice(0, NUMBERS_SHOWN_MAX).map((value) => String(+value.toPrecision(4)));
  return first.join(", ") + (numbers.length > NUMBERS_SHOWN_MAX ? ", …" : "");
}

/** A time in milliseconds, as long as it is good to know it. */
export function duration(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 7_170_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

/** A number with as many digits as mean something. */
export function number(value: number): string {
  return value >= 99.95 ? GROUPED.format(Math.round(value)) : String(Math.round(value * 10) / 10);
}

/** Bytes in the next smaller power of 1000. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const power = Math.min(3, Math.floor(Math.log10(count) / 3));
  return `${number(count / 1000 ** power)} ${["", "kB", "MB", "GB"][power]}`;
}

/** How long ago something was. */
export function ago(ms: number): string {
  if (ms < 1000) return "just now";
  return `${ms < 99_950 ? `${Math.round(ms / 1000)} s` : duration(ms)} ago`;
}

/** When something was, by the browser's own time zone. */
export function timeOfDay(ms: number, seconds = false): string {
  return (seconds ? WITH_SECONDS : TO_THE_MINUTE).format(ms);
}

/** A fault's detail, which is written to stand behind a colon, as a sentence. */
export function sentence(detail: string): string {
  return detail.charAt(0).toUpperCase() + detail.slice(1) + (/[.!?]$/.test(detail) ? "" : ".");
}

/** How many there are of something: `1 worker`, `2 workers`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
