/**
 * A run in numbers, for people: two tables and a last line.
 *
 * Pure: findings in, text out.
 *
 * @module
 */
import Table from "cli-table3";

/** A case that broke a promise. */
export interface Violation {
  /** The case's number; absent where it is of no case. */
  readonly number?: number;
  readonly detail: string;
}

/** A run, counted. */
export interface Run {
  readonly seed: number;
  readonly cases: number;
  readonly seconds: number;
  /** Cases by kind. */
  readonly kinds: ReadonlyMap<string, Kind>;
  /** Cases by answer. */
  readonly answers: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
}

/** Cases of a kind. */
export interface Kind {
  readonly sent: number;
  /** Those that brought an image. */
  readonly images: number;
  /** Those whose image was in a worker's decoder. */
  readonly decoded: number;
}

/** Share of the damaged images that has to reach a worker's decoder. */
const DECODED_MIN = 0.3;

/** Fewer images than this say nothing about their share. */
const IMAGES_MIN = 100;

const PLAIN = { head: [], border: [], compact: true };

/** Why the run does not count as passed, the most important first; empty where it does. */
export function faultsOf(run: Run): string[] {
  const { images, decoded } = imagesOf(run);
  return [
    ...run.violations.map(({ number, detail }) =>
      number === undefined ? `broken: ${detail}` : `broken: case ${number}: ${detail}`
    ),
    ...(images >= IMAGES_MIN && decoded < DECODED_MIN * images
      ? [`only ${decoded} of ${images} damaged images reached a decoder`]
      : []),
  ];
}

/** The tables. */
export function tablesOf({ kinds, answers }: Run): string {
  const sent = new Table({ head: ["sent", "cases", "in a decoder"], style: PLAIN });
  for (const [kind, { sent: cases, images, decoded }] of sorted(kinds)) {
    sent.push([kind, cases, images > 0 ? decoded : ""]);
  }
  const got = new Table({ head: ["answered", "cases"], style: PLAIN });
  for (const [answer, cases] of sorted(answers)) got.push([answer, cases]);
  return `${sent}\n${got}`;
}

/** The last line. */
export function lastLine(run: Run): string {
  const { seed, cases, seconds } = run;
  const { images, decoded } = imagesOf(run);
  const share = images === 0 ? "" : ` (${(100 * decoded / images).toFixed(1)} %)`;
  const numbers =
    `seed ${seed}, ${cases} ${cases === 1 ? "case" : "cases"} in ${Math.round(seconds)} s, ` +
    `${decoded} of ${images} damaged images in a decoder${share}`;
  const [first, ...more] = faultsOf(run);
  if (first === undefined) return `fuzz passed: ${numbers}`;
  return `fuzz FAILED: ${numbers}; ${first}${more.length > 0 ? `; ${more.length} more` : ""}`;
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => a < b ? -1 : 1);
}

/** Damaged images, sent as clients send images. */
function imagesOf({ kinds }: Run): { images: number; decoded: number } {
  const all = [...kinds].filter(([kind]) => kind.startsWith("image: ") && kind !== "image: none");
  return {
    images: all.reduce((sum, [, { images }]) => sum + images, 0),
    decoded: all.reduce((sum, [, { decoded }]) => sum + decoded, 0),
  };
}
