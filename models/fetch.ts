/**
 * A source becomes a network on this machine's disk.
 *
 * Owns how each kind of source is read: a `model.json` brings its shards, an archive is unpacked.
 * What a file is, is told by its first bytes: addresses end in anything.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { ModelError } from "../worker/models/model_error.ts";
import { unpack } from "./archive.ts";
import type { Downloads, OnBytes } from "./downloads.ts";
import { boundedShards, findNetwork, type FoundNetwork, networkOf } from "./network.ts";
import type { Source } from "./source.ts";
import { withPathsOf } from "./staging.ts";

/** All that one model may take on the disk. */
const MODEL_BYTES_MAX = 4 * 2 ** 30;

/** A `model.json` is read as a whole. */
const MODEL_JSON_BYTES_MAX = 64 * 2 ** 20;

const LABELS_BYTES_MAX = 10 * 2 ** 20;

export interface FetchParts {
  readonly downloads: Downloads;
  /** An empty folder for what has to be put together. */
  readonly folder: string;
  /** Shows a file's way here. */
  readonly onFile: (name: string) => OnBytes;
  readonly signal: AbortSignal;
}

/** What was fetched. */
export interface Fetched {
  readonly network: FoundNetwork;
  /** Path of the labels, where the source has them beside the network. */
  readonly labels?: string;
  /** The file that the source names, as it came: what a digest of the source is of. */
  readonly original: string | undefined;
}

/**
 * Brings a source here.
 *
 * @throws {ModelError} naming the source and the fault
 * @throws the signal's reason once it aborts
 */
export async function fetchSource(source: Source, parts: FetchParts): Promise<Fetched> {
  switch (source.kind) {
    case "name": {
      const labelsUrl = new URL(source.entry.labels);
      const labels = await get(labelsUrl, "labels", LABELS_BYTES_MAX, parts);
      return { ...await fetchUrl(new URL(source.entry.url), parts), labels };
    }
    case "url":
      return await fetchUrl(source.url, parts);
    case "path":
      return await fetchPath(source.path, parts);
  }
}

async function get(url: URL, name: string, bytesMax: number, parts: FetchParts): Promise<string> {
  return await parts.downloads.get(url, { bytesMax, onBytes: parts.onFile(name) });
}

async function fetchUrl(url: URL, parts: FetchParts): Promise<Fetched> {
  const { folder } = parts;
  const original = await get(url, url.pathname.split("/").at(-1)!, MODEL_BYTES_MAX, parts);
  const kind = await kindOf(original);
  switch (kind) {
    case "gzip":
    case "zip":
      return { network: await unpackNetwork(original, kind, url.href, parts), original };
    case "json": {
      const entry = join(folder, "model.json");
      await copyModelJson(original, entry, url.href);
      await withPathsOf(entry, url.href, () => fetchShards(entry, url, parts));
      return { network: await networkOf(entry, "model.json"), original };
    }
    case "network": {
      if (url.pathname.endsWith(".pb")) {
        throw new ModelError(
          `cannot add "${url}": a SavedModel is several files, give the address of an archive`,
        );
      }
      const entry = join(folder, "model.onnx");
      await Deno.copyFile(original, entry);
      return { network: await networkOf(entry, "onnx"), original };
    }
    case "page":
      await parts.downloads.forget();
      throw new ModelError(
        `cannot add "${url}": it is a page for people, give the address of the model.json, the ` +
          `.onnx file or the archive itself`,
      );
  }
}

async function unpackNetwork(
  file: string,
  format: "gzip" | "zip",
  name: string,
  { folder, signal }: FetchParts,
): Promise<FoundNetwork> {
  return await withPathsOf(folder, name, async () => {
    await unpack(file, format, folder, { name, bytesMax: MODEL_BYTES_MAX, signal });
    return await findNetwork(folder, name);
  });
}

async function copyModelJson(from: string, to: string, name: string): Promise<void> {
  if ((await Deno.stat(from)).size > MODEL_JSON_BYTES_MAX) {
    throw new ModelError(`cannot add "${name}": its JSON is above ${MODEL_JSON_BYTES_MAX} bytes`);
  }
  await Deno.copyFile(from, to);
}

/** Shards lie beside their `model.json`; what its address is asked with, theirs are too. */
async function fetchShards(entry: string, url: URL, parts: FetchParts): Promise<void> {
  let left = MODEL_BYTES_MAX;
  for (const path of await boundedShards(entry)) {
    const shardUrl = new URL(path.split("/").map(encodeURIComponent).join("/"), url);
    shardUrl.search = url.search;
    const file = await get(shardUrl, path, left, parts);
    const target = join(dirname(entry), path);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.copyFile(file, target);
    left -= (await Deno.stat(target)).size;
  }
}

async function fetchPath(path: string, parts: FetchParts): Promise<Fetched> {
  if ((await Deno.stat(path)).isDirectory) {
    return { network: await findNetwork(path, path), original: undefined };
  }
  if (path.endsWith("saved_model.pb")) {
    return { network: await networkOf(path, "saved_model"), original: path };
  }
  const kind = await kindOf(path);
  switch (kind) {
    case "gzip":
    case "zip":
      return { network: await unpackNetwork(path, kind, path, parts), original: path };
    case "json": {
      if (path.endsWith("/model.json") || path === "model.json") {
        return { network: await networkOf(path, "model.json"), original: path };
      }
      throw new ModelError(`cannot add "${path}": a JSON file of a network is called model.json`);
    }
    case "network":
      return { network: await networkOf(path, "onnx"), original: path };
    case "page":
      throw new ModelError(`cannot add "${path}": it is a page, not a network`);
  }
}

/** What a file is by its first bytes; what is nothing else may be a network in protocol buffers. */
async function kindOf(path: string): Promise<"gzip" | "zip" | "json" | "page" | "network"> {
  using file = await Deno.open(path);
  const head = new Uint8Array(64);
  const size = await file.read(head) ?? 0;
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  const text = new TextDecoder("latin1").decode(head.subarray(0, size)).replace(/^\xef\xbb\xbf/, "")
    .trimStart();
  if (text.startsWith("PK\x03\x04")) return "zip";
  if (text.startsWith("{")) return "json";
  return text.startsWith("<") ? "page" : "network";
}
