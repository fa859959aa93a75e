/**
 * `model remove`: a model, or a version of one, leaves the repository.
 *
 * Invariant: what is left has exactly one default model, or nothing was removed.
 *
 * @module
 */
import { join } from "node:path";
import type { ModelFiles } from "../worker/engines/engine.ts";
import { ModelError } from "../worker/models/model_error.ts";
import { modelNames, openRepository, SETTINGS, versionsOf } from "../worker/models/repository.ts";
import { defaultChanges, defaultOf, readAllSettings, readSettings, textOf } from "./defaults.ts";
import type { ModelParts } from "./parts.ts";
import { Staging, withOsStates } from "./staging.ts";
import { assertKnown } from "./target.ts";

export interface RemoveOptions {
  readonly name: string;
  /** One version alone. */
  readonly version?: number | undefined;
  /** The model that is to be the default. */
  readonly default?: string | undefined;
}

/**
 * Removes a model or a version.
 *
 * @throws {ModelError} where it is not there, or what would be left could not be served
 */
export async function removeModel(options: RemoveOptions, parts: ModelParts): Promise<void> {
  const { config, write } = parts;
  const { name, version, default: chosen } = options;
  const change = async (staging: Staging) => {
    const names = await modelNames(staging.repository);
    for (const named of [name, chosen]) if (named !== undefined) assertKnown(named, names);
    const told = version === undefined
      ? await planModel(staging, options)
      : await planVersion(staging, name, String(version));
    await staging.commit();
    write(told);
  };
  await withOsStates(`remove "${name}"`, () => Staging.change(config.WEIR_MODELS, change, write));
}

/** @returns what is to be said once it is done */
async function planModel(
  staging: Staging,
  { name, default: chosen }: RemoveOptions,
): Promise<string> {
  const { repository } = staging;
  const others = await readAllSettings(repository, { except: name });
  if (others.size === 0) {
    throw new ModelError(
      `cannot remove "${name}": it is the only model of "${repository}", which would be no ` +
        `repository without it`,
    );
  }
  if (chosen === name) {
    throw new ModelError(`cannot make "${name}" the default: it is the one to be removed`);
  }
  for (const [other, settings] of defaultChanges(others, chosen ?? defaultOf(others))) {
    await staging.rewrite(join(repository, other, SETTINGS), textOf(settings));
  }
  staging.discard(join(repository, name));
  return `removed "${name}"`;
}

async function planVersion(staging: Staging, name: string, version: string): Promise<string> {
  const folder = join(staging.repository, name);
  const [highest, ...others] = await versionsOf(folder);
  const left = [highest, ...others].filter((other) => other !== version);
  if (left.length === others.length + 1) {
    throw new ModelError(
      `cannot find version ${version} of "${name}": the versions are ${left.join(", ")}`,
    );
  }
  if (left.length === 0) {
    throw new ModelError(
      `cannot remove version ${version} of "${name}": it is the only one, remove the model`,
    );
  }
  const file = join(folder, SETTINGS);
  const { sha256, ...settings } = await readSettings(file);
  const digests = Object.entries(sha256 ?? {}).filter(([path]) => !path.startsWith(`${version}/`));
  const text = textOf({
    ...settings,
    ...(sha256 !== undefined && { sha256: Object.fromEntries(digests) }),
  });
  const { version: served } = await withoutVersion(staging, name, version, text);
  // Digests go before their files: a worker that starts between the two misses none.
  if (sha256 !== undefined) await staging.rewrite(file, text);
  staging.discard(join(folder, version));
  return `removed version ${version} of "${name}", version ${served} is served`;
}

/** The model as it would be, through links: it has to be one that can be served. */
async function withoutVersion(
  staging: Staging,
  name: string,
  version: string,
  settings: string,
): Promise<ModelFiles> {
  const [folder, staged] = [join(staging.repository, name), join(staging.models, name)];
  await Deno.mkdir(staged);
  for await (const { name: part } of Deno.readDir(folder)) {
    if (part === SETTINGS || part === version) continue;
    await Deno.symlink(join(folder, part), join(staged, part));
  }
  await Deno.writeTextFile(join(staged, SETTINGS), settings);
  // Nothing else in there is a model.
  return (await openRepository(staging.models)).at(-1)!;
}
