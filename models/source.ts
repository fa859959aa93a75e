/**
 * What a person wants to add: a name of the catalogue, an address or a path.
 *
 * Never looks into a file or over the network.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { closest } from "fastest-levenshtein";
import { ModelError } from "../worker/models/model_error.ts";
import { CATALOGUE, type CatalogueEntry } from "./catalogue.ts";
import { canBeName } from "./target.ts";

export type Source =
  | { readonly kind: "name"; readonly entry: CatalogueEntry; readonly name: string }
  | { readonly kind: "url"; readonly url: URL; readonly name: string }
  | { readonly kind: "path"; readonly path: string; readonly name: string };

/**
 * Tells which it is.
 *
 * @returns besides, the name that the model gets where none is given
 * @throws {ModelError} where it is none of the three
 */
export async function sourceOf(text: string): Promise<Source> {
  const entry = Object.hasOwn(CATALOGUE, text) ? CATALOGUE[text] : undefined;
  if (entry !== undefined) return { kind: "name", entry, name: text };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const url = URL.parse(text);
    if (url === null || !isHttp(url)) {
      throw new ModelError(`cannot add "${text}": it is not an http or https address`);
    }
    return { kind: "url", url, name: nameOf(decoded(url.pathname)) };
  }
  try {
    return { kind: "path", path: text, name: nameOf(await Deno.realPath(text)) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const names = Object.keys(CATALOGUE);
    throw new ModelError(
      `cannot add "${text}": no such file or folder, and the models known by name are ` +
        `${names.join(", ")}, the nearest is "${closest(text, names)}"`,
    );
  }
}

/** Whether an address is one that is downloaded from. */
export function isHttp({ protocol }: URL): boolean {
  return protocol === "http:" || protocol === "https:";
}

/** Names that say nothing of the model, but what it is: its folder says more. */
const COMMON = /^(model|saved_model|\d+|default|download|web_model|tfjs)$/;

/** A model's name out of its path: the last part that says something. */
function nameOf(path: string): string {
  for (let rest = path; basename(rest) !== ""; rest = dirname(rest)) {
    const stem = basename(rest).replace(/\.(json|onnx|pb|zip|tgz|tar\.gz)$/i, "");
    if (COMMON.test(stem)) continue;
    const name = stem.replaceAll(/[^A-Za-z0-9._-]+/g, "-").slice(0, 64);
    if (canBeName(name)) return name;
  }
  return "model";
}

/** An address may have a `%` that begins nothing. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
