/**
 * API keys for a Weir under measurement.
 *
 * Owns their file, which goes with it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { TemporaryFolder } from "../shared/temporary_folder.ts";

export interface ApiKeys extends AsyncDisposable {
  /** Path of the file. */
  readonly file: string;
  /** The key of a name. */
  key(name: string): string;
}

/** Makes a key for each name. */
export async function makeKeys(...names: readonly string[]): Promise<ApiKeys> {
  const folder = await TemporaryFolder.make("weir-bench-");
  const keys = new Map(names.map((name) => [name, `bench-${crypto.randomUUID()}`]));
  const file = join(folder.path, "keys.jsonl");
  const lines = [...keys].map(([name, key]) =>
    JSON.stringify({ name, sha256: createHash("sha256").update(key).digest("hex") })
  );
  await Deno.writeTextFile(file, lines.join("\n") + "\n");
  return {
    file,
    key: (name) => keys.get(name)!,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
