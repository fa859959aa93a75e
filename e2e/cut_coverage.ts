/**
 * Removes what of the coverage is cut off, before it is read: some tests kill processes, and one
 * that is killed as it exits leaves the file that it was writing.
 *
 * @module
 */
import { join } from "node:path";

const FOLDER = "coverage";

/** Only the last brace of a whole file is at the beginning of a line. */
const END = "\n}";

const decoder = new TextDecoder();
const last = new Uint8Array(END.length);

function isWhole(path: string): boolean {
  using file = Deno.openSync(path);
  if (file.statSync().size < last.length) return false;
  file.seekSync(-last.length, Deno.SeekMode.End);
  file.readSync(last);
  return decoder.decode(last) === END;
}

for (const { name } of Deno.readDirSync(FOLDER)) {
  const path = join(FOLDER, name);
  if (!isWhole(path)) Deno.removeSync(path);
}
