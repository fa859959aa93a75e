/**
 * A model that cannot be served, with the sentence that says why.
 *
 * @module
 */

/** Names the file and the fault; the worker prints the message and exits with 1. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}

/** What is wrong, as the last part of a sentence: a library's lines of context and full stop go. */
export function faultOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file or folder";
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
  return line.replace(/[.\s]+$/, "");
}
