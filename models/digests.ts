/**
 * SHA-256 of a version's files: what a person says it must be, and what goes into `weir.json`.
 *
 * @module
 */
import { join } from "node:path";
import { fileSha256 } from "../shared/file_digest.ts";
import { ModelError } from "../worker/models/model_error.ts";
import { pathsIn } from "./network.ts";

/** Digests in hexadecimal by path. */
export type Digests = Readonly<Record<string, string>>;

/** Digests of all files in a folder, by their paths from there on. */
export async function digestsOf(folder: string): Promise<Digests> {
  const digests: Record<string, string> = {};
  for (const path of (await Array.fromAsync(pathsIn(folder))).sort()) {
    digests[path] = await fileSha256(join(folder, path));
  }
  return digests;
}

/** What digests are held against. */
export interface Checked {
  /** What the source is called. */
  readonly name: string;
  /** Path of the file that the source names; undefined where it names a folder. */
  readonly original: string | undefined;
  readonly digests: Digests;
}

/** What a person says a digest must be. */
export interface Expected {
  /** As it was given. */
  readonly text: string;
  /** Path of a file of the version; undefined for the file that the source names. */
  readonly file: string | undefined;
  /** In lower case. */
  readonly sha256: string;
}

/**
 * Reads what is given.
 *
 * @param given `HEX` for the file that the source names, `FILE=HEX` for a file of the version
 * @throws {ModelError} where one is neither
 */
export function parseDigests(given: readonly string[]): Expected[] {
  return given.map((text) => {
    const [, file, sha256] = /^(?:(.+)=)?([0-9a-f]{64})$/i.exec(text) ?? [];
    if (sha256 !== undefined) return { text, file, sha256: sha256.toLowerCase() };
    throw new ModelError(`cannot use --sha256 "${text}": it has no 64 hexadecimal digits`);
  });
}

/**
 * Holds files against what a person was told of them.
 *
 * @throws {ModelError} where one differs, or is of no file that there is
 */
export async function checkDigests(
  expected: readonly Expected[],
  { name, original, digests }: Checked,
): Promise<void> {
  for (const { text, file, sha256 } of expected) {
    const actual = file !== undefined ? digests[file] : original && await fileSha256(original);
    if (actual === undefined) {
      const files = Object.keys(digests).join(", ");
      throw new ModelError(`cannot check --sha256 "${text}": name a file, FILE=HEX, of ${files}`);
    }
    if (actual !== sha256) {
      throw new ModelError(`cannot add "${file ?? name}": its sha256 is ${actual}, not ${sha256}`);
    }
  }
}
