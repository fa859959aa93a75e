/**
 * Whom a fault hits.
 *
 * @module
 */

/** Who may be hit, with the jobs that it would meet. */
export interface Victim<T> {
  readonly name: string;
  /** Jobs that run there now. */
  readonly running: number;
  readonly members: readonly T[];
}

/** A fault that meets fewer running jobs proves little. */
export const RUNNING_MIN = 10;

/**
 * Picks one of those with enough running jobs; where there is none, the busiest.
 *
 * @param pick from 0 to below 1
 */
export function pickVictim<T>(
  candidates: readonly Victim<T>[],
  pick: number,
): Victim<T> | undefined {
  const busy = candidates.filter(({ running }) => running >= RUNNING_MIN);
  if (busy.length > 0) return busy[Math.floor(pick * busy.length)];
  return candidates.toSorted((a, b) => b.running - a.running)[0];
}
