/**
 * A new model's folder beside its version: settings and labels.
 *
 * Invariant: what is there afterwards is all that the worker reads besides the network.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { faultOf, ModelError } from "../worker/models/model_error.ts";
import { pathWithin } from "../worker/models/path.ts";
import { SETTINGS, VERSION } from "../worker/models/repository.ts";
import { readSettings } from "./defaults.ts";
import type { Fetched } from "./fetch.ts";
import { inputSize } from "./input_size.ts";
import { kindOf, type Made, makeSettings, type Told } from "./settings.ts";
import type { Source } from "./source.ts";
import type { Target } from "./target.ts";

const LABELS = "labels.txt";

/** What a person says of a model, its labels included. */
export interface Described extends Told {
  /** Path of a file with a label a line. */
  readonly labels?: string | undefined;
}

/**
 * Checks what is told as far as it can be without the network, before that is downloaded.
 *
 * @throws {ModelError} naming the option and the fault
 */
export async function checkDescribed(
  target: Target,
  { scale, activation, kind, width, height, labels }: Described,
): Promise<void> {
  const told = { scale, activation, kind, width, height };
  if (target.isNew) {
    makeSettings({}, told, { width: 1, height: 1 });
    if (labels !== undefined) await readable(labels);
    return;
  }
  const given = Object.entries({ ...told, labels }).find(([, value]) => value !== undefined);
  if (given === undefined) return;
  throw new ModelError(
    `cannot use --${given[0]}: the settings of "${target.name}" hold for all its versions, ` +
      `they are in "${join(target.folder, SETTINGS)}"`,
  );
}

async function readable(labels: string): Promise<void> {
  try {
    using _ = await Deno.open(labels);
  } catch (error) {
    throw new ModelError(`cannot read labels "${labels}": ${faultOf(error)}`);
  }
}

/**
 * Settings of a new model; its labels are copied into the folder.
 *
 * @throws {ModelError} naming the file and the fault
 */
export async function describeModel(
  folder: string,
  { version }: Target,
  source: Source,
  { network, labels: fetchedLabels }: Fetched,
  told: Described,
): Promise<Made> {
  const { settings: file } = network;
  const base = source.kind === "name"
    ? { input: source.entry.input, output: source.entry.output }
    : file === undefined
    ? {}
    : await readSettings(file);
  // Labels lie where the settings say; digests are of what was copied, and the default is ours.
  const { labels: named, sha256: _, default: __, ...rest } = base as Record<string, unknown>;
  const beside = file !== undefined && typeof named === "string"
    ? pathWithin(dirname(file), dirname(file), named, file)
    : undefined;
  const labels = told.labels ?? fetchedLabels ?? beside;
  const made = makeSettings(
    { default: false, ...(labels !== undefined && { labels: LABELS }), ...rest },
    told,
    await inputSize(join(folder, version), network.format),
  );
  const notes = [
    ...(file === undefined ? [] : ["took the settings that came with it"]),
    ...made.notes,
  ];
  if (labels === undefined && kindOf(made.settings) === "classes") {
    const nameless = "there are no labels, classes are named by their numbers: give --labels FILE";
    return { ...made, notes: [...notes, nameless] };
  }
  try {
    if (labels !== undefined) await Deno.copyFile(labels, join(folder, LABELS));
  } catch (error) {
    throw new ModelError(`cannot read labels "${labels}": ${faultOf(error)}`);
  }
  return { ...made, notes };
}

/**
 * Settings of a model that gets a version: its own, which hold for all of them. What else the model
 * has beside its versions is seen in the folder through links.
 */
export async function describeVersion(
  folder: string,
  target: Target,
): Promise<Made> {
  for await (const { name } of Deno.readDir(target.folder)) {
    if (name === SETTINGS || VERSION.test(name)) continue;
    await Deno.symlink(join(target.folder, name), join(folder, name));
  }
  return { settings: await readSettings(join(target.folder, SETTINGS)), notes: [] };
}
