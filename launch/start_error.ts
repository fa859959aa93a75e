/**
 * A start that cannot go on.
 *
 * @module
 */

/** Carries the sentence that says why. */
export class StartError extends Error {
  override readonly name = "StartError";
}
