/**
 * A folder for one test, with programs in it, gone when the test ends, and the machine whose search
 * path is that folder.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { Programs } from "../programs.ts";
import { SystemPackages } from "../system_packages.ts";
import { recordedProgress } from "./recorded_progress.ts";

const USER = 1000;
export const ROOT = 0;

export interface Scratch extends AsyncDisposable {
  readonly folder: string;
  /** A path inside. */
  path(...names: string[]): string;
  /** Writes a file, and the folders above it. */
  write(name: string, text: string): Promise<string>;
  /** Writes an executable shell script. */
  program(name: string, text: string): Promise<string>;
}

/** @param parent A folder on the wanted file system; the system's temporary folder without it. */
export async function scratch(parent?: string): Promise<Scratch> {
  if (parent !== undefined) await Deno.mkdir(parent, { recursive: true });
  const folder = await Deno.makeTempDir(parent === undefined ? {} : { dir: parent });
  const write = async (name: string, text: string, mode: number): Promise<string> => {
    const path = join(folder, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, text, { mode });
    return path;
  };
  return {
    folder,
    path: (...names) => join(folder, ...names),
    write: (name, text) => write(name, text, 0o644),
    program: (name, text) => write(name, `#!/bin/sh\n${text}\n`, 0o755),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** What set-up works with on a machine that has the programs of `bin` alone. */
export function machine(bin: Scratch, userId = USER): {
  readonly programs: Programs;
  readonly packages: SystemPackages;
  readonly signal: AbortSignal;
} {
  const { signal } = new AbortController();
  const programs = new Programs({ PATH: bin.folder });
  const progress = recordedProgress();
  const { folder } = bin;
  const packages = new SystemPackages({ programs, folder, progress, userId, signal });
  return { programs, packages, signal };
}
