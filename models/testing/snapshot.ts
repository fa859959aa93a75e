/**
 * A folder as it is, byte for byte, to be compared with how it was.
 *
 * @module
 */
import { join } from "node:path";
import { fileSha256 } from "../../shared/file_digest.ts";

/** Every file, folder and link below a folder, by path: its kind and mode, a file's digest. */
export async function snapshot(folder: string, prefix = ""): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(join(folder, prefix))) {
    const path = join(prefix, name);
    const { mode } = await Deno.lstat(join(folder, path));
    if (isDirectory) {
      all[path] = `folder ${mode}`;
      Object.assign(all, await snapshot(folder, path));
    } else if (isSymlink) all[path] = `link to ${await Deno.readLink(join(folder, path))}`;
    else all[path] = `file ${mode} ${await fileSha256(join(folder, path))}`;
  }
  return all;
}
