/**
 * A submission's number inside `traceparent`, which a job's record keeps: so the jobs that a
 * submission made are found, those too of which no client was told.
 *
 * @module
 */

/** A `traceparent` (W3C Trace Context) that carries the number. */
export function traceparentOf(submission: number): string {
  // Neither id may be all zeros.
  const id = (submission + 1).toString(16);
  return `00-${id.padStart(32, "0")}-${id.padStart(16, "0")}-00`;
}

/** The number that a `traceparent` carries; undefined where it is none of ours. */
export function submissionOf(traceparent: string): number | undefined {
  const [, id] = /^00-0{16}([\da-f]{16})-[\da-f]{16}-00$/.exec(traceparent) ?? [];
  return id === undefined ? undefined : parseInt(id, 16) - 1;
}
