/**
 * Where a network goes in the repository: a model that is new, or a version of one that is there.
 *
 * @module
 */
import { join } from "node:path";
import { ModelError } from "../worker/models/model_error.ts";
import { MODEL_NAME, versionsOf } from "../worker/models/repository.ts";

export interface Target {
  readonly name: string;
  readonly version: string;
  /** Whether there is no such model yet. */
  readonly isNew: boolean;
  /** Absolute path of the model's folder. */
  readonly folder: string;
}

export interface Wanted {
  /** Name that was given. */
  readonly name?: string | undefined;
  /** Name where none was given. */
  readonly otherwise: string;
  readonly version?: number | undefined;
}

/**
 * Finds the place. A model that is there gets a version only where a number is given.
 *
 * @param repository its absolute path
 * @throws {ModelError} where the name cannot be one, or the place is taken
 */
export async function targetOf(
  repository: string,
  { name: given, otherwise, version }: Wanted,
): Promise<Target> {
  const name = given ?? otherwise;
  if (!canBeName(name)) {
    throw new ModelError(
      `cannot add "${name}": a model's name is 1 to 64 letters, digits, ".", "_" or "-", ` +
        `and begins with no "."`,
    );
  }
  const folder = join(repository, name);
  const isNew = !await isThere(folder);
  if (isNew) return { name, version: String(version ?? 1), isNew, folder };
  const there = await versionsOf(folder);
  const next = Number(there[0] ?? 0) + 1;
  if (version === undefined) {
    throw new ModelError(
      `cannot add "${name}": there is such a model, give --version ${next} for a new version of ` +
        `it, or another model another --name`,
    );
  }
  if (there.includes(String(version))) {
    throw new ModelError(
      `cannot add version ${version} of "${name}": there is such a version, the next is ${next}`,
    );
  }
  return { name, version: String(version), isNew, folder };
}

/** Whether a model can be added under a name: what begins with "." is hidden from people. */
export function canBeName(name: string): boolean {
  return MODEL_NAME.test(name) && !name.startsWith(".");
}

/** Whether there is a file or folder. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** @throws {ModelError} where none of the repository's models has the name */
export function assertKnown(name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  const there = names.map((name) => `"${name}"`).join(", ");
  throw new ModelError(`cannot find model "${name}": the models are ${there || "none"}`);
}
