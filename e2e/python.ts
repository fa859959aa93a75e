/**
 * Python with some packages, for tests that ask as clients in other languages do.
 *
 * Owns the folder of packages, beside what set-up keeps in the user's cache: a second run, or
 * another checkout, downloads nothing. Nothing but tests needs it.
 * Invariant: a folder of packages is whole, or not there.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder } from "../setup/addon_cache.ts";
import { lastWords, type ProgramRun, Programs } from "../setup/programs.ts";
import { ROOT } from "./program.ts";
import { WAIT_MAX_MS } from "./waiting.ts";

/** Bound on a download. */
const INSTALL_MAX_MS = 300_000;

/** Names the interpreter and the machine: packages with native code are made for both. */
const TELL_TAG =
  "import sys, sysconfig; print(sys.implementation.cache_tag, sysconfig.get_platform())";

const programs = new Programs(Deno.env.toObject());
const forever = new AbortController().signal;

/** An interpreter that finds the packages; or the reason why there is none. */
export type Python =
  | { readonly ok: true; run(args: readonly string[]): Promise<ProgramRun> }
  | { readonly ok: false; readonly reason: string };

/**
 * Provides `python3` with packages.
 *
 * @param requirements a file that pins all of them, as pip reads it
 */
export async function pythonWith(requirements: string): Promise<Python> {
  const interpreter = await programs.find("python3");
  if (interpreter === undefined) return absent("there is no python3");
  const asked = await programs.run(interpreter, ["-c", TELL_TAG], { signal: forever });
  if (!asked.ok) return absent(lastWords(asked));
  const digest = createHash("sha256")
    .update(asked.stdout).update(await Deno.readTextFile(requirements)).digest("hex").slice(0, 16);
  const cache = join(cacheFolder(Deno.env.toObject(), Deno.build.os, ROOT), "python");
  const folder = join(cache, digest);
  if (!await exists(folder)) {
    const fault = await install(interpreter, requirements, cache, folder);
    if (fault !== undefined) return absent(fault);
  }
  return {
    ok: true,
    run: (args) =>
      programs.run(interpreter, args, {
        env: { PYTHONPATH: folder },
        timeoutMs: WAIT_MAX_MS,
        signal: forever,
      }),
  };
}

/** Installs beside the place, then moves there; one sentence where that is not possible. */
async function install(
  interpreter: string,
  requirements: string,
  cache: string,
  folder: string,
): Promise<string | undefined> {
  await Deno.mkdir(cache, { recursive: true });
  const made = await Deno.makeTempDir({ dir: cache });
  const run = await programs.run(interpreter, [
    ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"],
    ...["--no-deps", "--only-binary", ":all:", "--target", made, "--requirement", requirements],
  ], { timeoutMs: INSTALL_MAX_MS, signal: forever });
  try {
    if (!run.ok) return lastWords(run);
    // Another run may have been faster.
    await Deno.rename(made, folder).catch(async (error) => {
      if (!await exists(folder)) throw error;
    });
  } finally {
    if (await exists(made)) await Deno.remove(made, { recursive: true });
  }
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

function absent(reason: string): Python {
  return { ok: false, reason };
}
