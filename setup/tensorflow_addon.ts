/**
 * tfjs-node's native addon: the difference between 15 and 100 images a second.
 *
 * Owns the order of things: what is there, what another checkout has built, the package's own
 * installer, a build against TensorFlow's wheel. Never decides what happens without it (the
 * engine does).
 * Invariant: an addon is sealed in the package only after it has loaded and computed there.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import type { AddonCache } from "./addon_cache.ts";
import type { AddonSource } from "./addon_source.ts";
import { hasBinding, layTree, removeTree, sealTree, treeSource } from "./addon_tree.ts";
import type { PartReport } from "./part_report.ts";
import { lastWords, type Programs } from "./programs.ts";
import type { Progress } from "./progress.ts";

/** Where the addon came from: a source's key, or `as found`. */
export interface TensorFlowAddon {
  readonly source: string;
}

export interface TensorFlowAddonOptions {
  readonly packageFolder: string;
  /** In order of preference. */
  readonly sources: readonly AddonSource[];
  readonly cache: AddonCache;
  readonly programs: Programs;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Laid by someone else (a person's own build, `npm rebuild`), and it works. */
const AS_FOUND = "as found";
/** From the package's folder to that of all packages (`node_modules/.deno`). */
const PACKAGES = join("..", "..", "..", "..");
const PROBE_TIMEOUT_MS = 60_000;
/** What the probe prints where TensorFlow itself has multiplied. */
const PROBE_ANSWER = "tensorflow 19 22 43 50";

/** The npm package's real folder and its version, or nothing where it is not installed. */
export async function tfjsNodePackage(
  root: string,
): Promise<{ readonly folder: string; readonly version: string } | undefined> {
  try {
    const folder = await Deno.realPath(join(root, "node_modules", "@tensorflow", "tfjs-node"));
    const text = await Deno.readTextFile(join(folder, "package.json"));
    return { folder, version: z.object({ version: z.string() }).parse(JSON.parse(text)).version };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Finds the addon, or provides it by the first way that works. */
export async function provideTensorFlowAddon(
  options: TensorFlowAddonOptions,
): Promise<PartReport<TensorFlowAddon>> {
  const { packageFolder, sources, cache, signal } = options;
  const known = [AS_FOUND, ...sources.map(({ key }) => key)];
  const sealed = await treeSource(packageFolder);
  if (sealed !== undefined && known.includes(sealed)) return { state: "found", source: sealed };

  await using _lock = await cache.lock({ signal });
  // Another set-up may have been at it until now.
  const laid = await treeSource(packageFolder);
  if (laid !== undefined && known.includes(laid)) return { state: "found", source: laid };
  if (laid === undefined && await hasBinding(packageFolder)) {
    if (await probe(options) === undefined) {
      await sealTree(packageFolder, AS_FOUND);
      return { state: "found", source: AS_FOUND };
    }
  }
  for (const { key } of sources) {
    const entry = await cache.entry(key);
    if (entry === undefined) continue;
    if (await lay(entry, key, options) === undefined) return { state: "installed", source: key };
    await cache.remove(key);
  }
  const faults: string[] = [];
  for (const source of sources) {
    const fault = await attempt(source, options);
    if (fault === undefined) return { state: source.state, source: source.key };
    faults.push(fault);
  }
  return { state: "missing", reason: faults.join("; ") };
}

/** Makes and lays one source's tree, unless it failed lately. */
async function attempt(
  source: AddonSource,
  options: TensorFlowAddonOptions,
): Promise<string | undefined> {
  const { cache, progress } = options;
  const fault = await cache.failure(source.key) ?? await source.obstacle();
  if (fault !== undefined) return fault;
  progress.line(`providing TensorFlow: trying ${source.title}`);
  const made = await source.make(await cache.workFolder());
  const failure = "fault" in made
    ? made.fault
    : await lay(await cache.put(source.key, made.tree), source.key, options);
  if (failure === undefined) return undefined;
  progress.line(failure);
  await cache.remove(source.key);
  await cache.noteFailure(source.key, failure);
  return failure;
}

/** Lays a tree into the package, and seals it there once it has computed. */
async function lay(
  tree: string,
  source: string,
  options: TensorFlowAddonOptions,
): Promise<string | undefined> {
  await layTree(tree, options.packageFolder);
  const fault = await probe(options);
  if (fault === undefined) await sealTree(options.packageFolder, source);
  else await removeTree(options.packageFolder);
  return fault;
}

/** One sentence where the package's addon does not load or does not compute. */
async function probe(options: TensorFlowAddonOptions): Promise<string | undefined> {
  const { packageFolder, programs, signal } = options;
  const run = await programs.run(Deno.execPath(), [
    "run",
    "--quiet",
    "--no-prompt",
    `--allow-read=${join(packageFolder, PACKAGES)},/usr/bin/ldd`,
    "--allow-env",
    `--allow-ffi=${packageFolder}`,
    join(import.meta.dirname ?? "", "addon_probe.ts"),
    packageFolder,
  ], { env: { TF_CPP_MIN_LOG_LEVEL: "3", NO_COLOR: "1" }, timeoutMs: PROBE_TIMEOUT_MS, signal });
  if (run.ok && run.stdout === PROBE_ANSWER) return undefined;
  return `tfjs-node's addon does not compute here: ${lastWords(run)}`;
}
