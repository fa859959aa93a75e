/**
 * Files from other machines, kept until the model that they belong to has been added.
 *
 * Owns the folder of what has come so far, so that a download that was cut goes on where it ended.
 * Never judges what a file holds. Invariant: a file that it returns is complete, as the server
 * counts, and every piece of it is of one and the same version.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { Clock } from "../shared/clock.ts";
import { osState } from "../shared/os_error.ts";
import { ModelError } from "../worker/models/model_error.ts";
import { Silence } from "./silence.ts";
import { sizeOf } from "./size.ts";
import { isHttp } from "./source.ts";

const REDIRECTS_MAX = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

const CUT = "the connection was cut";

/** Takes the bytes that are there, and how many there will be where the server says so. */
export type OnBytes = (done: number, total: number | undefined) => void;

export interface DownloadsOptions {
  /** Where files are kept; made where it is missing. */
  readonly folder: string;
  readonly clock: Pick<Clock, "after">;
  readonly signal: AbortSignal;
}

export interface DownloadOptions {
  readonly bytesMax: number;
  readonly onBytes: OnBytes;
}

/** What is known of a file that has come, or a part of it. */
const Note = z.object({
  /** The server's name for this version of the file: its entity tag or its date. */
  validator: z.string().optional(),
  complete: z.boolean(),
});
type Note = z.infer<typeof Note>;

/** Disposed of, it removes what no next try could use. */
export class Downloads implements AsyncDisposable {
  readonly #options: DownloadsOptions;
  /** Folders of the files that were got, and whether a next try could use them. */
  readonly #got = new Map<string, { readonly isOfUse: boolean }>();

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  /**
   * Downloads a file, or what is missing of it.
   *
   * @returns its path, valid until `forget`
   * @throws {ModelError} naming the address and the fault; what has come is kept where it is of use
   * @throws the signal's reason once it aborts
   */
  async get(url: URL, options: DownloadOptions): Promise<string> {
    const folder = join(this.#options.folder, createHash("sha256").update(url.href).digest("hex"));
    await Deno.mkdir(folder, { recursive: true });
    // It is locked as long as it is open.
    using file = await Deno.open(join(folder, "body"), { read: true, write: true, create: true });
    if (!await file.tryLock(true)) {
      throw new ModelError(`cannot download "${url}": another command is downloading it`);
    }
    const download = new Download(url, folder, file, { ...this.#options, ...options });
    try {
      await download.run();
    } catch (error) {
      // Nobody else has it: it is locked still.
      if (!await download.isOfUse()) await Deno.remove(folder, { recursive: true });
      this.#options.signal.throwIfAborted();
      if (error instanceof ModelError) throw error;
      throw new ModelError(`cannot download "${url}": ${osState(error)}`);
    }
    this.#got.set(folder, { isOfUse: await download.isOfUse() });
    return join(folder, "body");
  }

  /** Removes the files that were got here: they are of no use any more. */
  async forget(): Promise<void> {
    for (const folder of this.#got.keys()) await Deno.remove(folder, { recursive: true });
    this.#got.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [folder, { isOfUse }] of this.#got) {
      if (!isOfUse) await Deno.remove(folder, { recursive: true });
    }
  }
}

/** One download, from where an earlier one ended. */
class Download {
  readonly #url: URL;
  readonly #notePath: string;
  readonly #file: Deno.FsFile;
  readonly #options: DownloadsOptions & DownloadOptions;

  constructor(
    url: URL,
    folder: string,
    file: Deno.FsFile,
    options: DownloadsOptions & DownloadOptions,
  ) {
    this.#url = url;
    this.#notePath = join(folder, "note.json");
    this.#file = file;
    this.#options = options;
  }

  async run(): Promise<void> {
    const note = await this.#readNote();
    const { size } = await this.#file.stat();
    const before = note.validator === undefined ? 0 : size;
    using silence = new Silence(this.#options);
    const response = await this.#ask(note, before, silence.signal);
    const { status, statusText } = response;
    if (status === 200 || status === 206) {
      return await this.#take(response, note, status === 206 ? before : 0, silence);
    }
    await response.body?.cancel();
    if (status === 304 && note.complete) return;
    if (status === 416 && before > 0) {
      await this.#empty({ complete: false });
      return await this.run();
    }
    throw this.#fault(`the server answers ${status} ${statusText}`.trimEnd());
  }

  /** Whether a next try could go on with what is there, or ask whether it is still the file. */
  async isOfUse(): Promise<boolean> {
    const { validator } = await this.#readNote();
    return validator !== undefined && (await this.#file.stat()).size > 0;
  }

  /** Asks for what is missing, or whether what is there is still the file. */
  async #ask(
    { validator, complete }: Note,
    before: number,
    signal: AbortSignal,
  ): Promise<Response> {
    // What is packed on its way cannot go on in the middle.
    const headers = new Headers({ "accept-encoding": "identity" });
    if (validator !== undefined && complete) {
      headers.set(validator.startsWith('"') ? "if-none-match" : "if-modified-since", validator);
    } else if (validator !== undefined && before > 0) {
      headers.set("range", `bytes=${before}-`);
      headers.set("if-range", validator);
    }
    let url = this.#url;
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      const response = await this.#fetch(url, headers, signal);
      const location = response.headers.get("location");
      if (location === null || !REDIRECTS.has(response.status)) return response;
      await response.body?.cancel();
      const next = URL.parse(location, url);
      if (next === null || !isHttp(next)) {
        throw this.#fault(`it leads to "${location}", which is not an http or https address`);
      }
      if (url.protocol === "https:" && next.protocol === "http:") {
        throw this.#fault(`"${url}" leads to "${next}", which is not encrypted`);
      }
      url = next;
    }
    throw this.#fault(`it leads through more than ${REDIRECTS_MAX} redirects`);
  }

  async #fetch(url: URL, headers: Headers, signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(url, { headers, redirect: "manual", signal });
    } catch (error) {
      if (signal.aborted) throw this.#fault(signal.reason.message);
      // The cause names the address and the library's own layers before the state.
      const { cause = error } = error as Error;
      throw this.#fault(osState(cause).split("): ").at(-1)!);
    }
  }

  /** Takes the bytes in, behind those that are there already. */
  async #take(
    response: Response,
    note: Note,
    before: number,
    silence: Silence,
  ): Promise<void> {
    const { bytesMax, onBytes } = this.#options;
    const validator = validatorOf(response) ?? (before > 0 ? note.validator : undefined);
    const range = rangeOf(response);
    if (range.from !== before) {
      await response.body?.cancel();
      throw this.#fault("the server sends another part of it than it was asked for");
    }
    if (before === 0) await this.#empty({ validator, complete: false });
    else await this.#file.seek(before, Deno.SeekMode.Start);
    let done = before;
    onBytes(done, range.total);
    for await (const piece of this.#pieces(response, () => done, silence)) {
      done += piece.length;
      if (Math.max(done, range.total ?? 0) > bytesMax) {
        await this.#empty({ complete: false });
        throw this.#fault(`it is larger than ${sizeOf(bytesMax)}, the most that is accepted`);
      }
      await writeAll(this.#file, piece);
      onBytes(done, range.total);
    }
    if (range.total !== undefined && done !== range.total) throw await this.#cut(done, CUT);
    await this.#writeNote({ validator, complete: true });
  }

  /** The body's pieces; what goes wrong in reading them is told apart from what their taker does. */
  async *#pieces(
    response: Response,
    done: () => number,
    silence: Silence,
  ): AsyncIterable<Uint8Array> {
    try {
      for await (const piece of response.body ?? []) {
        silence.interrupt();
        yield piece;
      }
    } catch {
      throw await this.#cut(done(), silence.signal.aborted ? silence.signal.reason.message : CUT);
    }
  }

  async #cut(done: number, state: string): Promise<ModelError> {
    const next = await this.isOfUse()
      ? "what has come is kept for the next try"
      : "the next try begins anew";
    return this.#fault(`${state} after ${sizeOf(done)}; ${next}`);
  }

  #fault(state: string): ModelError {
    return new ModelError(`cannot download "${this.#url}": ${state}`);
  }

  /** Empties the file. Whenever this ends, no bytes of one version stand under another's name. */
  async #empty(note: Note): Promise<void> {
    await this.#writeNote({ complete: false });
    await this.#file.truncate();
    await this.#file.seek(0, Deno.SeekMode.Start);
    await this.#writeNote(note);
  }

  async #writeNote(note: Note): Promise<void> {
    await Deno.writeTextFile(this.#notePath, JSON.stringify(note));
  }

  async #readNote(): Promise<Note> {
    try {
      return Note.parse(JSON.parse(await Deno.readTextFile(this.#notePath)));
    } catch {
      // None yet, or one that was cut: then what it was about is downloaded anew.
      return { complete: false };
    }
  }
}

/** A name for the version of the file that holds for each of its bytes, strong as RFC 9110 has it. */
function validatorOf({ headers }: Response): string | undefined {
  const tag = headers.get("etag");
  if (tag?.startsWith('"')) return tag;
  return headers.get("last-modified") ?? undefined;
}

/** Which bytes a response has: from where on, and how long the file is where that is said. */
function rangeOf({ status, headers }: Response): { from: number; total: number | undefined } {
  if (status === 206) {
    const [, from, total] =
      /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
    return { from: Number(from ?? NaN), total: /\d/.test(total ?? "") ? Number(total) : undefined };
  }
  const length = headers.get("content-length");
  const packed = headers.has("content-encoding");
  return { from: 0, total: length === null || packed ? undefined : Number(length) };
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}
