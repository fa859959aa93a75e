/**
 * A model that cannot be served, with the sentence that says why.
 *
 * @module
 */

/** Names the file and the fault; the worker prints the message and exits with 1. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}
