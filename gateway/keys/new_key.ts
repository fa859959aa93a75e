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
import type { KeyFields } from "./command.ts";
import { KeysFileError } from "./key_ring.ts";
import { parseKeys } from "./keys_file.ts";

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
export function makeKey(fields: KeyFields): NewKey {
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

/** How a person is told of a key. */
export interface Telling {
  /** The file of keys, where there is one. */
  readonly file: string | undefined;
  /** Takes the key alone, so that it can be put where it belongs. */
  readonly say: (line: string) => void;
  /** Takes all about it. */
  readonly complain: (line: string) => void;
}

/**
 * Makes a key, adds its entry to the file and shows it, once.
 *
 * @throws {KeysFileError} where there can be no such entry
 */
export async function tellNewKey(
  fields: KeyFields,
  { file, say, complain }: Telling,
): Promise<void> {
  const { key, line } = makeKey(fields);
  if (file !== undefined) await addKey(file, line);
  say(key);
  complain(`This is the key of "${fields.name}", shown once.`);
  if (file === undefined) complain(`Its line for the file of WEIR_API_KEYS_FILE:\n${line}`);
  else complain(`Its entry is in "${file}", gateways pick it up by themselves.`);
}
