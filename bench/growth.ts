/**
 * Whether a measured quantity grows over time, told from its noise.
 *
 * The trend is the median of the slopes between all pairs of points (Theil, 1950; Sen, 1968), which
 * single peaks do not move. The noise is what is left without it: from the 5th percentile to the
 * 95th.
 *
 * @module
 */
import { median, quantile } from "./numbers.ts";

/** A time, and what was measured then. */
export type Sample = readonly [at: number, value: number];

/** Samples that slopes are taken between; of more, evenly chosen ones. */
const SAMPLES_MAX = 400;

export interface Growth {
  /** By how much the trend rises from the first sample to the last. */
  readonly total: number;
  /** Width of what the samples scatter about the trend. */
  readonly noise: number;
}

/** Takes trend and noise of at least two samples at different times, in their order. */
export function growthOf(samples: readonly Sample[]): Growth {
  const step = Math.ceil(samples.length / SAMPLES_MAX);
  const chosen = samples.filter((_, i) => i % step === 0);
  const slopes = chosen.flatMap(([from, low], i) =>
    chosen.slice(i + 1).map(([to, high]) => (high - low) / (to - from))
  );
  const slope = median(slopes);
  const rest = samples.map(([at, value]) => value - slope * at);
  const [[first], [last]] = [samples[0]!, samples.at(-1)!];
  return { total: slope * (last - first), noise: quantile(rest, 0.95) - quantile(rest, 0.05) };
}
