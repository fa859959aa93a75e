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
