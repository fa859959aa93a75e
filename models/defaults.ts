/**
 * Which model of a repository is the default: exactly one, before and after every change.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { readJsonFile } from "../worker/models/json_file.ts";
import { ModelError } from "../worker/models/model_error.ts";
import { modelNames, SETTINGS } from "../worker/models/repository.ts";
import type { Settings } from "./settings.ts";

/**
 * Settings of a repository's models, by name.
 *
 * @param except a model that is left out
 * @throws {ModelError} naming a file that cannot be read
 */
export async function readAllSettings(
  repository: string,
  { except }: { readonly except?: string } = {},
): Promise<Map<string, Settings>> {
  const all = new Map<string, Settings>();
  for (const name of await modelNames(repository)) {
    if (name !== except) all.set(name, await readSettings(join(repository, name, SETTINGS)));
  }
  return all;
}

/** Reads a `weir.json` as it is, without the defaults of what it leaves out. */
export async function readSettings(file: string): Promise<Settings> {
  return await readJsonFile(file, z.record(z.string(), z.unknown()));
}

/** As it is written. */
export function textOf(settings: Settings): string {
  return `${JSON.stringify(settings, undefined, 2)}\n`;
}

/**
 * The default one of some models: the one that says so, or the only one.
 *
 * @throws {ModelError} where there is none, or more than one
 */
export function defaultOf(all: ReadonlyMap<string, Settings>): string {
  const names = [...all.keys()];
  const flagged = names.filter((name) => all.get(name)!.default === true);
  const [only, second] = names.length === 1 ? names : flagged;
  if (only !== undefined && second === undefined) return only;
  const told = names.map((name) => `"${name}"`).join(", ");
  throw new ModelError(`of ${told} one has to be the default: say which with --default`);
}

/**
 * What has to change so that one model, and no other, says that it is the default.
 *
 * @returns new settings of the models that change, by name
 */
export function defaultChanges(
  all: ReadonlyMap<string, Settings>,
  chosen: string,
): Map<string, Settings> {
  const changes = new Map<string, Settings>();
  for (const [name, settings] of all) {
    const is = name === chosen;
    if ((settings.default === true) !== is) changes.set(name, { ...settings, default: is });
  }
  return changes;
}
