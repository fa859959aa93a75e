/**
 * The files of the native addon: `deps/lib` with TensorFlow's libraries, `lib` with the binding.
 *
 * Owns how such a tree is sealed (a list of its files, written last), checked, and put into the
 * npm package. Never builds nor downloads anything.
 * Invariant: a tree whose seal matches is complete; interrupted at any point, it has no seal that
 * matches, and the next set-up lays it anew.
 *
 * @module
 */
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { fileSha256 } from "../shared/file_digest.ts";

const TREE_FOLDERS = ["deps", "lib"];
const SEAL = join("lib", "weir.json");
const BINDING = "tfjs_binding.node";
/** Inside the package: where a tree is laid before it is moved into place. */
const STAGING = ".weir";
/** Larger files (TensorFlow has 800 MB) are judged by their size alone, so that a check is quick. */
const HASHED_BYTES_MAX = 1 << 20;

const sealSchema = z.strictObject({
  source: z.string(),
  files: z.array(z.strictObject({
    path: z.string(),
    bytes: z.number(),
    sha256: z.string().optional(),
  })).min(1),
});

type SealedFile = z.infer<typeof sealSchema>["files"][number];

/** Lists the tree's files and writes the list beside them: from now on the tree counts. */
export async function sealTree(folder: string, source: string): Promise<void> {
  const files: SealedFile[] = [];
  for (const path of await treeFiles(folder)) files.push(await describe(folder, path));
  const seal = join(folder, SEAL);
  await Deno.writeTextFile(`${seal}.new`, JSON.stringify({ source, files }, null, 2));
  await Deno.rename(`${seal}.new`, seal);
}

/** Where a sealed tree came from; nothing when the seal is missing, damaged or does not match. */
export async function treeSource(folder: string): Promise<string | undefined> {
  try {
    const { source, files } = sealSchema.parse(
      JSON.parse(await Deno.readTextFile(join(folder, SEAL))),
    );
    for (const file of files) {
      const { bytes, sha256 } = await describe(folder, file.path);
      if (bytes !== file.bytes || sha256 !== file.sha256) return undefined;
    }
    return source;
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound || error instanceof SyntaxError ||
      error instanceof z.ZodError
    ) return undefined;
    throw error;
  }
}

/** Whether the package holds a binding, sealed or not. */
export async function hasBinding(packageFolder: string): Promise<boolean> {
  const files = await treeFiles(packageFolder);
  return files.some((path) => path.endsWith(BINDING));
}

/** Copies a tree without its seal, by hard links where the file system has them. */
export async function copyTree(from: string, to: string): Promise<void> {
  for (const path of await treeFiles(from)) {
    const target = join(to, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    try {
      await Deno.link(join(from, path), target);
    } catch {
      // Another file system, or one without hard links.
      await Deno.copyFile(join(from, path), target);
    }
  }
}

/** Replaces the package's addon by a tree; not sealed yet. */
export async function layTree(tree: string, packageFolder: string): Promise<void> {
  const staging = join(packageFolder, STAGING);
  await removeTree(packageFolder);
  await copyTree(tree, staging);
  // The libraries first: where there is a binding, there is all that it needs.
  for (const name of TREE_FOLDERS) {
    await Deno.rename(join(staging, name), join(packageFolder, name));
  }
  await Deno.remove(staging, { recursive: true });
}

/** Takes the addon, or what an interrupted set-up left of it, out of the package. */
export async function removeTree(packageFolder: string): Promise<void> {
  for (const name of [...TREE_FOLDERS.toReversed(), STAGING]) {
    await removePath(join(packageFolder, name));
  }
}

/** Removes a file, or a folder with all that is in it, if it is there. */
export async function removePath(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function describe(folder: string, path: string): Promise<SealedFile> {
  const file = join(folder, path);
  const { size } = await Deno.stat(file);
  return size > HASHED_BYTES_MAX
    ? { path, bytes: size }
    : { path, bytes: size, sha256: await fileSha256(file) };
}

/** Paths of the tree's files, relative to its folder, the seal left out. */
async function treeFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  const walk = async (inside: string): Promise<void> => {
    for await (const entry of Deno.readDir(inside)) {
      const path = join(inside, entry.name);
      if (entry.isDirectory) await walk(path);
      else files.push(relative(folder, path));
    }
  };
  for (const name of TREE_FOLDERS) {
    try {
      await walk(join(folder, name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return files.filter((path) => !path.startsWith(SEAL)).toSorted();
}
