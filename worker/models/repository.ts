/**
 * The model repository: every `NAME/weir.json` beside its numbered versions, checked.
 *
 * Owns what a repository must look like on disk, and which versions of a model are to be served.
 * Never loads a network.
 * Invariant: what it returns is complete and verified.
 *
 * @module
 */
import { closest } from "fastest-levenshtein";
import { basename, join, resolve } from "node:path";
import { fileSha256 } from "../../shared/file_digest.ts";
import type { ModelFiles } from "../engines/engine.ts";
import { MODEL_CONFIG_FIELDS, type ModelConfig, ModelConfigSchema, VERSION } from "./config.ts";
import { readJsonFile } from "./json_file.ts";
import { checkManifest } from "./manifest.ts";
import { faultOf, ModelError } from "./model_error.ts";
import { pathWithin } from "./path.ts";

export { VERSION } from "./config.ts";

/** Name of a model: it is part of URLs, Redis keys and file names. */
export const MODEL_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** Files by which a version's format is known. */
const ENTRIES = ["model.json", "saved_model.pb", "model.onnx"] as const;

/** File of a model's settings. */
export const SETTINGS = "weir.json";

/**
 * Folders in a repository in which a change is being prepared begin so. No model can be called so:
 * what lies there has its settings one folder further down.
 */
export const STAGING_PREFIX = ".weir-staging-";

/** What a repository holds, as far as it can be served. */
export interface Survey {
  /**
   * The versions to serve, by the names of their models: of each the highest; while one is rolled
   * out, the highest below it and then that one.
   */
  readonly models: readonly ModelFiles[];
  /** What is wrong with the other models, by their names. */
  readonly faults: ReadonlyMap<string, string>;
}

/**
 * Reads a model repository that may have models with faults.
 *
 * @param folder path of the repository, `WEIR_MODELS`
 * @throws {ModelError} where the folder itself cannot be read
 */
export async function surveyRepository(folder: string): Promise<Survey> {
  const root = resolve(folder);
  const models: ModelFiles[] = [];
  const faults = new Map<string, string>();
  for (const name of await modelNames(root)) {
    try {
      models.push(...await readVersions(join(root, name), versionsToServe));
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      faults.set(name, error.message);
    }
  }
  return { models, faults };
}

/**
 * Reads a model repository.
 *
 * @param folder path of the repository, `WEIR_MODELS`
 * @param names of the models that are wanted; all unless given
 * @returns the versions to serve of these, as a {@linkcode Survey} has them; exactly one model's in
 * the repository have `config.default`
 * @throws {ModelError} naming the file and the fault of the first model that cannot be served; of
 * one that is not wanted, where without it the default is not known
 */
export async function openRepository(
  folder: string,
  names?: readonly string[],
): Promise<ModelFiles[]> {
  const { models, faults } = await surveyRepository(folder);
  const root = resolve(folder);
  const known = [...new Set(models.map(({ name }) => name)), ...faults.keys()];
  if (known.length === 0) {
    throw new ModelError(
      `cannot serve "${root}": it holds no model, a model is a folder with a ${SETTINGS}`,
    );
  }
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ModelError(
      `cannot serve "${unknown}": "${root}" has no such model, ` +
        `the nearest is "${closest(unknown, known)}"`,
    );
  }
  const hasDefault = models.some(({ config }) => config.default);
  for (const [name, fault] of faults) {
    if (!hasDefault || isAmong(name, names)) throw new ModelError(fault);
  }
  return withDefault(models, root).filter(({ name }) => isAmong(name, names));
}

/** Whether a model is one of those that are wanted: all, where none are named. */
export function isAmong(name: string, names: readonly string[] | undefined): boolean {
  return names?.includes(name) ?? true;
}

/**
 * Names of the models in a repository, sorted, whether they can be served or not.
 *
 * @throws {ModelError} where the folder cannot be read
 */
export async function modelNames(root: string): Promise<string[]> {
  const names: string[] = [];
  for (const name of await list(root)) {
    if (await isModel(join(root, name))) names.push(name);
  }
  return names;
}

/** A folder with settings, or one that lacks them although it has a version: an error later on. */
async function isModel(folder: string): Promise<boolean> {
  if (!await isFolder(folder)) return false;
  return (await list(folder)).some((name) => name === SETTINGS || VERSION.test(name));
}

/**
 * Reads one model in its highest version, whatever is rolled out; whether it is the default is only
 * what its own settings say.
 *
 * @param modelFolder absolute path of `NAME`
 * @throws {ModelError} naming the file and the fault
 */
export async function readModel(modelFolder: string): Promise<ModelFiles> {
  const [highest] = await readVersions(modelFolder, (versions) => versions.slice(0, 1));
  return highest!;
}

/** Reads those versions of a model that are chosen of all it has, which come highest first. */
async function readVersions(
  modelFolder: string,
  choose: (versions: readonly string[], config: ModelConfig, folder: string) => readonly string[],
): Promise<ModelFiles[]> {
  const name = basename(modelFolder);
  if (!MODEL_NAME.test(name)) {
    throw new ModelError(
      `cannot serve "${modelFolder}": a model's name is 1 to 64 letters, digits, ".", "_" or "-"`,
    );
  }
  const settings = join(modelFolder, SETTINGS);
  const config = await readJsonFile(settings, ModelConfigSchema, MODEL_CONFIG_FIELDS);
  for (const [path, sha256] of Object.entries(config.sha256 ?? {})) {
    await checkSha256(pathWithin(modelFolder, modelFolder, path, settings), sha256, settings);
  }
  const labels = config.labels === undefined
    ? []
    : await readLabels(pathWithin(modelFolder, modelFolder, config.labels, settings));
  const versions = await versionsOf(modelFolder);
  if (versions.length === 0) {
    throw new ModelError(
      `cannot serve "${modelFolder}": it holds no version, such as a folder "1"`,
    );
  }
  return await Promise.all(
    choose(versions, config, modelFolder).map(async (version) => {
      const folder = join(modelFolder, version);
      return { name, version, folder, ...await findNetwork(folder, modelFolder), config, labels };
    }),
  );
}

/** A model's versions, highest first. */
export async function versionsOf(modelFolder: string): Promise<string[]> {
  const versions: string[] = [];
  for (const name of await list(modelFolder)) {
    if (VERSION.test(name) && await isFolder(join(modelFolder, name))) versions.push(name);
  }
  return versions.sort((a, b) => Number(b) - Number(a));
}

/** One that is being rolled out comes last. */
function versionsToServe(
  versions: readonly string[],
  { rollout }: ModelConfig,
  modelFolder: string,
): readonly string[] {
  if (rollout === undefined) return versions.slice(0, 1);
  const before = versions.filter((version) => Number(version) < Number(rollout.version));
  const rolledOut = versions.filter((version) => version === rollout.version);
  const served = [...before.slice(0, 1), ...rolledOut];
  if (served.length > 0) return served;
  throw new ModelError(
    `cannot serve "${modelFolder}": "rollout.version" is "${rollout.version}", ` +
      `it holds neither that version nor one before it`,
  );
}

/** Tells the format of a version by what its folder holds. */
async function findNetwork(
  folder: string,
  modelFolder: string,
): Promise<Pick<ModelFiles, "format" | "entry">> {
  const names = await list(folder);
  const [found, second] = ENTRIES.filter((entry) => names.includes(entry));
  if (found === undefined) {
    throw new ModelError(`cannot serve "${folder}": it holds none of ${ENTRIES.join(", ")}`);
  }
  if (second !== undefined) {
    throw new ModelError(`cannot serve "${folder}": it holds both ${found} and ${second}`);
  }
  const entry = join(folder, found);
  switch (found) {
    case "model.json":
      return { format: await checkManifest(entry, modelFolder), entry };
    case "saved_model.pb":
      if (!await isFolder(join(folder, "variables"))) {
        throw new ModelError(
          `cannot serve "${entry}": the folder "variables" beside it is missing`,
        );
      }
      return { format: "saved_model", entry };
    case "model.onnx":
      return { format: "onnx", entry };
  }
}

/** One label a line; a line break at the end is not a label. */
async function readLabels(file: string): Promise<string[]> {
  try {
    const text = await Deno.readTextFile(file);
    return text.trimEnd().split("\n").map((line) => line.trim());
  } catch (error) {
    throw new ModelError(`cannot read labels "${file}": ${faultOf(error)}`);
  }
}

async function checkSha256(file: string, expected: string, settings: string): Promise<void> {
  let actual: string;
  try {
    actual = await fileSha256(file);
  } catch (error) {
    throw new ModelError(
      `cannot read "${file}", whose sha256 "${settings}" names: ${faultOf(error)}`,
    );
  }
  if (actual !== expected) {
    throw new ModelError(`cannot use "${file}": its sha256 is ${actual}, not ${expected}`);
  }
}

/** A model alone is the default; of several, one says so. */
function withDefault(models: readonly ModelFiles[], root: string): ModelFiles[] {
  const names = new Set(models.map(({ name }) => name));
  const saying = models.filter(({ config }) => config.default || names.size === 1);
  const defaults = new Set(saying.map(({ name }) => name));
  if (defaults.size !== 1) {
    const listed = [...(defaults.size === 0 ? names : defaults)].map((name) => `"${name}"`);
    const state = defaults.size === 0 ? "none has" : `${defaults.size} have`;
    throw new ModelError(
      `cannot serve "${root}": exactly one model needs "default": true in its ${SETTINGS}, ` +
        `${state} it of ${listed.join(", ")}`,
    );
  }
  return models.map((model) => ({
    ...model,
    config: { ...model.config, default: defaults.has(model.name) },
  }));
}

/** Names in a folder, sorted. */
async function list(folder: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(folder)) names.push(name);
    return names.sort();
  } catch (error) {
    throw new ModelError(`cannot list "${folder}": ${faultOf(error)}`);
  }
}

/** Links are followed. */
async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new ModelError(`cannot look at "${path}": ${faultOf(error)}`);
  }
}
