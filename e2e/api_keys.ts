/**
 * API keys of one test, in a file as gateways read it.
 *
 * @module
 */
import { join } from "node:path";
import { keyDigest, newApiKey } from "../gateway/keys/api_key.ts";
import { tempFolder } from "./temp_folder.ts";

export interface ApiKeys<Name extends string> extends AsyncDisposable {
  /** Path of the file. */
  readonly file: string;
  /** Each name's key. */
  readonly keys: Readonly<Record<Name, string>>;
}

/** Makes a key for each name, with its role; disposing of them removes the file. */
export async function apiKeys<Name extends string>(
  roles: Readonly<Record<Name, "client" | "admin">>,
): Promise<ApiKeys<Name>> {
  const folder = await tempFolder();
  const file = join(folder.path, "keys.jsonl");
  const names = Object.keys(roles) as Name[];
  const keys = Object.fromEntries(names.map((name) => [name, newApiKey()])) as Record<Name, string>;
  const lines = names.map((name) =>
    JSON.stringify({ name, role: roles[name], sha256: keyDigest(keys[name]).toHex() })
  );
  await Deno.writeTextFile(file, lines.join("\n"));
  return { file, keys, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}
