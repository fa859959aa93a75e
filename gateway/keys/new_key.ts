/**
 * New API keys, and the file that they are added to.
 *
 * Never writes a key: only its entry, which has the digest.
 * Invariant: a file that was right before is right after.
 *
 * @module
 */
import { osState } from "../../shared/os_error.ts";
import { keyDigest, newApiKey } from "./api_key.ts";
import { KeysFileError } from "./key_ring.ts";
import { type KeyEntry, parseKeys } from "./keys_file.ts";

/** A key with what is to be known of it. */
export interface NewKey {
  /** To be shown once. */
  readonly key: string;
  /** Its line in the file of keys. */
  readonly line: string;
}

/**
 * Makes a key.
 *
 * @throws {KeysFileError} where the file could not have such an entry
 */
export function makeKey(fields: Omit<KeyEntry, "sha256">): NewKey {
  const key = newApiKey();
  const { name, ...rest } = fields;
  const line = JSON.stringify({ name, sha256: keyDigest(key).toHex(), ...rest });
  const read = parseKeys(line);
  if (read.ok) return { key, line };
  const faults = read.faults.map((fault) => fault.replace(/^line 1: /, ""));
  throw new KeysFileError(`cannot make a key: ${faults.join("; ")}`);
}

/**
 * Adds a line to the file of keys, which only its owner may read where it is made by this. One
 * write at the file's end: who reads it meanwhile, or adds another, is not disturbed.
 *
 * @throws {KeysFileError} where the file has a fault, or would have one
 */
export async function addKey(file: string, line: string): Promise<void> {
  try {
    const text = await Deno.readTextFile(file).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    const added = text === "" || text.endsWith("\n") ? `${line}\n` : `\n${line}\n`;
    const read = parseKeys(text + added);
    if (!read.ok) throw new KeysFileError(`cannot add to "${file}": ${read.faults.join("; ")}`);
    using opened = await Deno.open(file, { append: true, create: true, mode: 0o600 });
    await opened.write(new TextEncoder().encode(added));
  } catch (error) {
    if (error instanceof KeysFileError) throw error;
    throw new KeysFileError(`cannot add to "${file}": ${osState(error)}`);
  }
}
