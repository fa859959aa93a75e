/**
 * Python with some packages, for tests and bench that meet programs of other languages.
 *
 * Owns the folder of packages, beside what else is kept in the user's cache: a second run, or
 * another checkout, downloads nothing. Serving needs none of it.
 * Invariant: a folder of packages is whole, or not there.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder } from "./addon_cache.ts";
import { lastWords, Programs } from "./programs.ts";

/** Bound on a download. */
const INSTALL_MAX_MS = 300_000;

/** Names the interpreter and the machine: packages with native code are made for both. */
const TELL_TAG =
  "import sys, sysconfig; print(sys.implementation.cache_tag, sysconfig.get_platform())";

export interface PythonOptions {
  /** The checkout. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** An interpreter, with what it needs in its environment to find packages; or why there is none. */
export type Python =
  | { readonly ok: true; readonly executable: string; readonly env: Record<string, string> }
  | { readonly ok: false; readonly reason: string };

/**
 * Provides `python3` with packages.
 *
 * @param requirements a file that pins all of them, as pip reads it
 */
export async function pythonWith(
  requirements: string,
  { root, env, signal }: PythonOptions,
): Promise<Python> {
  const programs = new Programs(env);
  const executable = await programs.find("python3");
  if (executable === undefined) return { ok: false, reason: "there is no python3" };
  const asked = await programs.run(executable, ["-c", TELL_TAG], { signal });
  if (!asked.ok) return { ok: false, reason: lastWords(asked) };
  const digest = createHash("sha256")
    .update(asked.stdout).update(await Deno.readTextFile(requirements)).digest("hex").slice(0, 16);
  const cache = join(cacheFolder(env, Deno.build.os, root), "python");
  const folder = join(cache, digest);
  if (!await exists(folder)) {
    await Deno.mkdir(cache, { recursive: true });
    const made = await Deno.makeTempDir({ dir: cache });
    const run = await programs.run(executable, [
      ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"],
      ...["--no-deps", "--only-binary", ":all:", "--target", made, "--requirement", requirements],
    ], { timeoutMs: INSTALL_MAX_MS, signal });
    try {
      if (!run.ok) return { ok: false, reason: lastWords(run) };
      // Another run may have been faster.
      await Deno.rename(made, folder).catch(async (error) => {
        if (!await exists(folder)) throw error;
      });
    } finally {
      if (await exists(made)) await Deno.remove(made, { recursive: true });
    }
  }
  return { ok: true, executable, env: { PYTHONPATH: folder } };
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
