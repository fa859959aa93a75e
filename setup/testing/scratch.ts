/**
 * A folder for one test, with programs in it, gone when the test ends.
 *
 * @module
 */
import { dirname, join } from "node:path";

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
