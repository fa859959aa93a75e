/**
 * TensorFlow's Python wheel, of which only the two C++ libraries and the C API's headers serve us.
 *
 * Owns the pinned files, their download by pip (so that a person's index, mirror, proxy and
 * certificates apply), the check of their digest, and the extraction of single entries from disk.
 * Python itself runs nothing of it.
 * Invariant: no byte of a wheel is used before its SHA-256 matched the pin.
 *
 * @module
 */
import { createWriteStream } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
// @ts-types="npm:@types/yauzl@3.4.0"
import yauzl from "yauzl";
import { fileSha256 } from "../shared/file_digest.ts";
import { lastWords, type Programs } from "./programs.ts";
import { type Progress, watchGrowth } from "./progress.ts";

/** One pinned file of the Python package index. */
export interface Wheel {
  readonly project: string;
  readonly version: string;
  /** Python version, ABI and platform: the middle and end of the wheel's name (PEP 425). */
  readonly python: string;
  readonly abi: string;
  readonly platform: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Wheels by `Deno.build.arch`, for Linux with glibc 2.27 or later. */
export const TENSORFLOW_WHEELS: Readonly<Record<typeof Deno.build.arch, Wheel>> = {
  x86_64: {
    project: "tensorflow-cpu",
    version: "2.21.0",
    python: "312",
    abi: "cp312",
    platform: "manylinux_2_27_x86_64",
    bytes: 274_000_871,
    sha256: "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb",
  },
  aarch64: {
    project: "tensorflow",
    version: "2.21.0",
    python: "312",
    abi: "cp312",
    platform: "manylinux_2_27_aarch64",
    bytes: 281_946_471,
    sha256: "b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552",
  },
};

/** How pip may be called here, in order. */
const PIPS = [["python3", "-m", "pip"], ["pip3"], ["python", "-m", "pip"], ["pip"]] as const;

/** A command line that runs pip. */
export type Pip = readonly [program: string, ...args: string[]];

/** The first pip that answers. */
export async function findPip(
  programs: Programs,
  options: { readonly signal: AbortSignal },
): Promise<Pip | undefined> {
  for (const [name, ...args] of PIPS) {
    const program = await programs.find(name);
    if (program === undefined) continue;
    const run = await programs.run(program, [...args, "--version"], options);
    if (run.ok) return [program, ...args];
  }
  return undefined;
}

/**
 * Downloads a wheel into a folder.
 *
 * @returns The path of the file, its digest checked, or one sentence.
 */
export async function downloadWheel(wheel: Wheel, folder: string, pip: Pip, options: {
  readonly programs: Programs;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}): Promise<{ readonly path: string } | { readonly fault: string }> {
  const [program, ...pipArgs] = pip;
  const name = `${wheel.project} ${wheel.version}`;
  // pip writes to its temporary folder first: watched, it shows how far the download is.
  const temporary = join(folder, "pip");
  await Deno.mkdir(temporary);
  using _watch = watchGrowth(temporary, options.progress.bar(`downloading ${name}`, wheel.bytes));
  const run = await options.programs.run(program, [
    ...pipArgs,
    "download",
    "--quiet",
    "--no-input",
    "--disable-pip-version-check",
    // Set-up has a cache of its own; the wheel in pip's too would be 270 MB more.
    "--no-cache-dir",
    "--no-deps",
    "--only-binary=:all:",
    "--implementation=cp",
    `--python-version=${wheel.python}`,
    `--abi=${wheel.abi}`,
    `--platform=${wheel.platform}`,
    `--dest=${folder}`,
    `${wheel.project}==${wheel.version}`,
  ], { env: { TMPDIR: temporary }, signal: options.signal });
  if (!run.ok) return { fault: `pip cannot download ${name}: ${lastWords(run)}` };

  for await (const { name: file } of Deno.readDir(folder)) {
    if (!file.endsWith(".whl")) continue;
    const path = join(folder, file);
    const sha256 = await fileSha256(path);
    if (sha256 === wheel.sha256) return { path };
    return { fault: `cannot use "${file}": its SHA-256 is ${sha256}, not ${wheel.sha256}` };
  }
  return { fault: `pip downloaded no wheel of ${name}` };
}

/**
 * Extracts single entries of a zip file, each streamed from disk to disk.
 *
 * @param place The target path for an entry's name, or nothing to leave it out.
 */
export async function extractZip(
  path: string,
  place: (entry: string) => string | undefined,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const zip = await yauzl.openPromise(path);
  try {
    for await (const entry of zip.eachEntry()) {
      const target = place(entry.fileName);
      if (target === undefined || entry.fileName.endsWith("/")) continue;
      await Deno.mkdir(dirname(target), { recursive: true });
      await pipeline(
        await zip.openReadStreamPromise(entry),
        createWriteStream(target),
        { signal: options.signal },
      );
    }
  } finally {
    zip.close();
  }
}
