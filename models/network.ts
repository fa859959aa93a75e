/**
 * The network in a folder that somebody made: which file it begins with, and which belong to it.
 *
 * Never changes that folder. Invariant: it finds one network, or says what it found instead.
 *
 * @module
 */
import { basename, dirname, join, relative } from "node:path";
import type { ModelFormat } from "../worker/engines/engine.ts";
import { shardsOf } from "../worker/models/manifest.ts";
import { ModelError } from "../worker/models/model_error.ts";
import { SETTINGS, VERSION } from "../worker/models/repository.ts";

/** Folders that are looked into below the one that was named: archives wrap what they hold. */
const DEPTH_MAX = 4;

/** Files that weights are spread over. */
const SHARDS_MAX = 1000;

/** A network as it was found. */
export interface FoundNetwork {
  /** Path of the file that it begins with. */
  readonly entry: string;
  readonly format: Exclude<ModelFormat, "layers" | "graph"> | "model.json";
  /** Path of the `weir.json` that lies in its folder or the one above. */
  readonly settings: string | undefined;
}

/** Formats by the files that networks begin with. */
const FORMATS: readonly (readonly [RegExp, FoundNetwork["format"]])[] = [
  [/^model\.json$/, "model.json"],
  [/^saved_model\.pb$/, "saved_model"],
  [/\.onnx$/, "onnx"],
];

/**
 * Finds the network in a folder and those below it. Of a model with numbered versions, as a model
 * repository has it, the highest.
 *
 * @param name what the folder is called in errors
 * @throws {ModelError} where there is none, or more than one
 */
export async function findNetwork(folder: string, name: string): Promise<FoundNetwork> {
  const found = await networksIn(folder, DEPTH_MAX);
  const [first, second] = found;
  if (first === undefined) {
    throw new ModelError(
      `cannot add "${name}": it holds no model.json, saved_model.pb or .onnx file`,
    );
  }
  if (second !== undefined) {
    const names = found.map(({ entry }) => `"${relative(folder, entry)}"`).join(", ");
    throw new ModelError(`cannot add "${name}": it holds several networks, ${names}: name one`);
  }
  return await withSettings(first);
}

/** The network that a file begins. */
export async function networkOf(
  entry: string,
  format: FoundNetwork["format"],
): Promise<FoundNetwork> {
  return await withSettings({ entry, format });
}

type Bare = Omit<FoundNetwork, "settings">;

async function networksIn(folder: string, depth: number): Promise<Bare[]> {
  const here: Bare[] = [];
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const format = FORMATS.find(([pattern]) => pattern.test(name))?.[1];
    if (isDirectory) folders.push(name);
    else if (format !== undefined) here.push({ entry: join(folder, name), format });
  }
  // What lies below a network belongs to it.
  if (here.length > 0 || depth === 0) return here;
  const versions = folders.filter((name) => VERSION.test(name));
  const highest = versions.sort((a, b) => Number(b) - Number(a)).slice(0, 1);
  const below = [...folders.filter((name) => !VERSION.test(name)), ...highest].sort();
  return (await Promise.all(below.map((name) => networksIn(join(folder, name), depth - 1)))).flat();
}

async function withSettings(network: Bare): Promise<FoundNetwork> {
  const folder = dirname(network.entry);
  for (const place of [folder, dirname(folder)]) {
    const settings = join(place, SETTINGS);
    if (await isFile(settings)) return { ...network, settings };
  }
  return { ...network, settings: undefined };
}

/**
 * Paths of the files of a network, from its folder on: what each is, and what it is to be called.
 *
 * @throws {ModelError} where a file names others that it may not
 */
export async function filesOf(network: Bare): Promise<ReadonlyMap<string, string>> {
  const folder = dirname(network.entry);
  const files = new Map<string, string>();
  switch (network.format) {
    case "model.json":
      files.set("model.json", "model.json");
      for (const path of await boundedShards(network.entry)) files.set(path, path);
      break;
    case "saved_model":
      for await (const path of pathsIn(folder)) if (path !== SETTINGS) files.set(path, path);
      break;
    case "onnx": {
      // Weights may lie beside, in files whose names begin with the network's.
      const entry = basename(network.entry);
      for await (const { name, isFile } of Deno.readDir(folder)) {
        if (isFile && name.startsWith(entry)) files.set(name, name === entry ? "model.onnx" : name);
      }
    }
  }
  return files;
}

/** Shards that a `model.json` names. */
export async function boundedShards(entry: string): Promise<string[]> {
  const shards = await shardsOf(entry);
  if (shards.length <= SHARDS_MAX) return shards;
  throw new ModelError(
    `cannot use "${entry}": it names ${shards.length} shards, at most ${SHARDS_MAX} are accepted`,
  );
}

/** Files in a folder and those below, as paths from there. */
export async function* pathsIn(folder: string, prefix = ""): AsyncIterable<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(folder, prefix))) {
    const path = join(prefix, name);
    if (isDirectory) yield* pathsIn(folder, path);
    else yield path;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
