/**
 * The model repository: every `NAME/weir.json` beside its numbered versions, checked.
 *
 * Owns what a repository must look like on disk. Never loads a network.
 * Invariant: what it returns is complete and verified, and exactly one model is the default.
 *
 * @module
 */
import { basename, join, resolve } from "node:path";
import { fileSha256 } from "../../shared/file_digest.ts";
import type { ModelFiles } from "../engines/engine.ts";
import { MODEL_CONFIG_FIELDS, ModelConfigSchema } from "./config.ts";
import { readJsonFile } from "./json_file.ts";
import { checkManifest } from "./manifest.ts";
import { faultOf, ModelError } from "./model_error.ts";
import { pathWithin } from "./path.ts";

/** Name of a model: it is part of URLs, Redis keys and file names. */
export const MODEL_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** Folder of a version: a whole number without leading zeros, so that no two are the same. */
export const VERSION = /^(0|[1-9]\d{0,14})$/;

/** Files by which a version's format is known. */
const ENTRIES = ["model.json", "saved_model.pb", "model.onnx"] as const;

/** File of a model's settings. */
export const SETTINGS = "weir.json";

/**
 * Reads a model repository.
 *
 * @param folder path of the repository, `WEIR_MODELS`
 * @returns the highest version of every model, by name; exactly one has `config.default`
 * @throws {ModelError} naming the file and the fault of the first model that cannot be served
 */
export async function openRepository(folder: string): Promise<ModelFiles[]> {
  const root = resolve(folder);
  const models: ModelFiles[] = [];
  for (const name of await modelNames(root)) models.push(await readModel(join(root, name)));
  if (models.length === 0) {
    throw new ModelError(
      `cannot serve "${root}": it holds no model, a model is a folder with a ${SETTINGS}`,
    );
  }
  return withDefault(models, root);
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
 * Reads one model; whether it is the default is only what its own settings say.
 *
 * @param modelFolder absolute path of `NAME`
 * @throws {ModelError} naming the file and the fault
 */
export async function readModel(modelFolder: string): Promise<ModelFiles> {
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
  const version = await latestVersion(modelFolder);
  const network = await findNetwork(join(modelFolder, version), modelFolder);
  const labels = config.labels === undefined
    ? []
    : await readLabels(pathWithin(modelFolder, modelFolder, config.labels, settings));
  return { name, version, folder: join(modelFolder, version), ...network, config, labels };
}

/** A model's versions, highest first. */
export async function versionsOf(modelFolder: string): Promise<string[]> {
  const versions: string[] = [];
  for (const name of await list(modelFolder)) {
    if (VERSION.test(name) && await isFolder(join(modelFolder, name))) versions.push(name);
  }
  return versions.sort((a, b) => Number(b) - Number(a));
}

async function latestVersion(modelFolder: string): Promise<string> {
  const [latest] = await versionsOf(modelFolder);
  if (latest === undefined) {
    throw new ModelError(
      `cannot serve "${modelFolder}": it holds no version, such as a folder "1"`,
    );
  }
  return latest;
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
  const defaults = models.filter(({ config }) => config.default || models.length === 1);
  if (defaults.length !== 1) {
    const names = (defaults.length === 0 ? models : defaults).map(({ name }) => `"${name}"`);
    const state = defaults.length === 0 ? "none has" : `${defaults.length} have`;
    throw new ModelError(
      `cannot serve "${root}": exactly one model needs "default": true in its ${SETTINGS}, ` +
        `${state} it of ${names.join(", ")}`,
    );
  }
  return models.map((model) => ({
    ...model,
    config: { ...model.config, default: model === defaults[0] },
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
