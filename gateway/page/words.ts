/**
 * Numbers and faults in words, the same on all pages.
 *
 * @module
 */

const PERCENT = new Intl.NumberFormat("en", {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** A probability; what would be rounded to nothing is said to be small. */
export function percent(probability: number): string {
  return probability > 0 && probability < 0.0005 ? "<0.1%" : PERCENT.format(probability);
}

/** A time in milliseconds, as long as it is good to know it. */
export function duration(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  return ms < 999.5 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A fault's detail, which is written to stand behind a colon, as a sentence. */
export function sentence(detail: string): string {
  return detail.charAt(0).toUpperCase() + detail.slice(1) + (/[.!?]$/.test(detail) ? "" : ".");
}

/** How many there are of something: `1 worker`, `2 workers`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
