/**
 * SHA-256 of files of any size, read in pieces.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** Lower-case hexadecimal SHA-256 of a file's bytes. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  // The stream would close the file too, twice with `using`; reading needs no stream.
  const piece = new Uint8Array(1 << 20);
  for (let size = await file.read(piece); size !== null; size = await file.read(piece)) {
    hash.update(piece.subarray(0, size));
  }
  return hash.digest("hex");
}
