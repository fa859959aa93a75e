/**
 * Archives of models, unpacked: `.tar.gz` and `.zip`, told apart by their first bytes.
 *
 * Owns what an entry may be: a file or a folder, within bounds. Never follows or makes a link.
 * Invariant: nothing is written outside the folder, and nothing twice.
 *
 * @module
 */
import { createReadStream, createWriteStream } from "node:fs";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
// @ts-types="npm:@types/tar-stream@3.1.4"
import tar from "tar-stream";
// @ts-types="npm:@types/yauzl@3.4.0"
import yauzl from "yauzl";
import { osState } from "../shared/os_error.ts";
import { ModelError } from "../worker/models/model_error.ts";
import { pathWithin } from "../worker/models/path.ts";
import { sizeOf } from "./size.ts";

/** Files in an archive: a SavedModel has a handful, a model of many shards a few hundred. */
const ENTRIES_MAX = 2_000;

export interface UnpackOptions {
  /** What it is called in errors: where it came from. */
  readonly name: string;
  /** Of all its files, unpacked. */
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

/**
 * Unpacks an archive into a folder.
 *
 * @throws {ModelError} naming the archive and the fault
 * @throws the signal's reason once it aborts
 */
export async function unpack(
  file: string,
  format: "gzip" | "zip",
  into: string,
  options: UnpackOptions,
): Promise<void> {
  const unpacking = new Unpacking(into, options);
  try {
    await (format === "gzip" ? unpackTar(file, unpacking, options) : unpackZip(file, unpacking));
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof ModelError) throw error;
    throw new ModelError(`cannot unpack "${options.name}": ${osState(error)}`);
  }
}

/** The files of one archive on their way to the disk. */
class Unpacking {
  readonly #into: string;
  readonly #options: UnpackOptions;
  #entries = 0;
  #bytes = 0;

  constructor(into: string, options: UnpackOptions) {
    this.#into = into;
    this.#options = options;
  }

  /** Counts an entry, whatever it is. */
  count(bytes: number): void {
    const { bytesMax } = this.#options;
    this.#entries++;
    this.#bytes += bytes;
    if (this.#entries > ENTRIES_MAX) throw this.fault(`it has more than ${ENTRIES_MAX} entries`);
    if (this.#bytes > bytesMax) {
      throw this.fault(`its files are larger than ${sizeOf(bytesMax)}, the most that is accepted`);
    }
  }

  async write(name: string, content: Readable): Promise<void> {
    const { name: archive, signal } = this.#options;
    const target = pathWithin(this.#into, this.#into, name, archive);
    await Deno.mkdir(dirname(target), { recursive: true });
    await pipeline(content, createWriteStream(target, { flags: "wx" }), { signal });
  }

  fault(state: string): ModelError {
    return new ModelError(`cannot unpack "${this.#options.name}": ${state}`);
  }
}

async function unpackTar(
  file: string,
  unpacking: Unpacking,
  { signal }: UnpackOptions,
): Promise<void> {
  const entries = tar.extract();
  const take = async () => {
    for await (const entry of entries) {
      const { name, type, size = 0 } = entry.header;
      unpacking.count(size);
      if (type === "file") await unpacking.write(name, entry as unknown as Readable);
      else if (type === "directory") entry.resume();
      else throw unpacking.fault(`"${name}" is a ${type}, only files and folders are accepted`);
    }
  };
  const feed = pipeline(createReadStream(file), createGunzip(), entries, { signal });
  // Where one fails, it ends the other, whose error then tells nothing new.
  const [taken, fed] = await Promise.allSettled([take(), feed]);
  for (const part of [taken, fed]) if (part.status === "rejected") throw part.reason;
}

async function unpackZip(file: string, unpacking: Unpacking): Promise<void> {
  const zip = await yauzl.openPromise(file);
  try {
    for await (const entry of zip.eachEntry()) {
      unpacking.count(entry.uncompressedSize);
      if (entry.fileName.endsWith("/")) continue;
      await unpacking.write(entry.fileName, await zip.openReadStreamPromise(entry));
    }
  } finally {
    zip.close();
  }
}
