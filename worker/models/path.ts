/**
 * Paths that a model's files name.
 *
 * @module
 */
import { isAbsolute, join, relative, resolve } from "node:path";
import { ModelError } from "./model_error.ts";

/**
 * Resolves a path that a file of a model names.
 *
 * Links are followed: they are the operator's (volumes are mounted so), while the path came with
 * the model, perhaps from a stranger.
 *
 * @param modelFolder folder that the path must stay inside of
 * @param base folder that the path starts from
 * @param path the path as the file has it
 * @param namedBy the file, for the error
 * @throws {ModelError} where the path is absolute or leads out of the model's folder
 */
export function pathWithin(
  modelFolder: string,
  base: string,
  path: string,
  namedBy: string,
): string {
  const inside = relative(resolve(modelFolder), resolve(base, path));
  if (
    isAbsolute(path) || inside === "" || inside.split(/[\\/]/)[0] === ".." || isAbsolute(inside)
  ) {
    throw new ModelError(
      `cannot use "${path}" that "${namedBy}" names: it leads out of the model's folder`,
    );
  }
  return join(base, path);
}
