/**
 * What is made of measured numbers: quantiles, medians, spreads.
 *
 * @module
 */

/** The smallest value that at least the share `q` of all does not exceed. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]!;
}

/** The middle value; of two, the lower. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** How far the values lie apart: `±` half of that, as a share of the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / 2 / median(values);
}

/** A value, and the share of all in percent that does not exceed it. */
export type Share = readonly [value: number, percent: number];

/** A distribution as a curve of a hundred points. */
export function shares(values: readonly number[]): Share[] {
  return Array.from({ length: 100 }, (_, i) => [quantile(values, (i + 1) / 100), i + 1]);
}

export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Counts positive values in bins of equal width from 0 on; a value at a bound is in the lower. */
export function histogram(values: readonly number[], bins = 16): Bin[] {
  const width = Math.max(...values) / bins;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.max(0, Math.ceil(value / width) - 1)]!++;
  return counts.map((count, i) => ({ from: i * width, to: (i + 1) * width, count }));
}
