/**
 * Numbers of bytes, for a person.
 *
 * @module
 */
import { join } from "node:path";
import { pathsIn } from "./network.ts";

/** Bytes with the unit that suits them: `14.2 MB`. */
export function sizeOf(bytes: number): string {
  if (bytes < 1e3) return `${bytes} bytes`;
  const [unit, one] = bytes < 1e6 ? ["kB", 1e3] : bytes < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${(bytes / (one as number)).toFixed(1)} ${unit}`;
}

/** Bytes of all files in a folder and those below. */
export async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for await (const path of pathsIn(folder)) bytes += (await Deno.stat(join(folder, path))).size;
  return bytes;
}
