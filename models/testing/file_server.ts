/**
 * A server of files on this machine, which can do to a download what networks and servers do.
 *
 * Owns what is served and notes what was asked. For tests alone.
 *
 * @module
 */

/** A file as it is served. */
export interface ServedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Name of this version of the file; without it the server names none. */
  readonly etag?: string | undefined;
  readonly lastModified?: string;
  /** Whether parts of it can be asked for. */
  readonly ranges?: boolean;
  /** The connection ends after so many bytes of an answer, `Infinity` for never. */
  readonly cutAfter?: number;
  /** After so many bytes nothing more comes, and the connection stays open. */
  readonly stallAfter?: number;
  /** Whether the answer's length is left out of its head. */
  readonly chunked?: boolean;
}

/** What was asked. */
export interface Asked {
  readonly path: string;
  readonly headers: Headers;
}

export class FileServer implements AsyncDisposable {
  /** What is served by path, query included: a file, or an answer. */
  readonly files = new Map<string, ServedFile | (() => Response)>();
  readonly asked: Asked[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #stalls = new AbortController();
  #stalled = Promise.withResolvers<void>();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError: () => new Response() },
      (request) => this.#answer(request),
    );
  }

  /** Address of a path. */
  url(path: string): URL {
    return new URL(path, `http://127.0.0.1:${this.#server.addr.port}`);
  }

  /** Serves all files of a folder below a path. */
  async serveFolder(path: string, folder: string): Promise<void> {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await this.serveFolder(`${path}/${name}`, `${folder}/${name}`);
      else this.files.set(`${path}/${name}`, servedFile(await Deno.readFile(`${folder}/${name}`)));
    }
  }

  /** Serves a file otherwise than before. */
  change(path: string, change: Partial<ServedFile>): void {
    this.files.set(path, { ...this.files.get(path) as ServedFile, ...change });
  }

  /** Resolves once an answer has stalled. */
  get stalled(): Promise<void> {
    return this.#stalled.promise;
  }

  #answer(request: Request): Response {
    const { pathname, search } = new URL(request.url);
    const path = pathname + search;
    this.asked.push({ path, headers: request.headers });
    const file = this.files.get(path);
    if (file === undefined) return new Response("no such file", { status: 404 });
    return typeof file === "function" ? file() : this.#serve(file, request.headers);
  }

  #serve(file: ServedFile, asked: Headers): Response {
    const { bytes, etag, lastModified, ranges = true, chunked = false } = file;
    const known = etag ?? lastModified;
    const headers = new Headers();
    if (etag !== undefined) headers.set("etag", etag);
    if (lastModified !== undefined) headers.set("last-modified", lastModified);
    const had = asked.get("if-none-match") ?? asked.get("if-modified-since");
    if (had !== null && had === known) return new Response(null, { status: 304, headers });
    const from = Number(/^bytes=(\d+)-$/.exec(asked.get("range") ?? "")?.[1] ?? 0);
    const isPart = ranges && from > 0 && asked.get("if-range") === known;
    if (isPart && from >= bytes.length) return new Response(null, { status: 416, headers });
    const part = isPart ? bytes.subarray(from) : bytes;
    if (isPart) headers.set("content-range", `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
    if (!chunked) headers.set("content-length", String(part.length));
    return new Response(this.#body(part, file), { status: isPart ? 206 : 200, headers });
  }

  /** The bytes in small pieces, up to where they are cut or stall. */
  #body(
    bytes: Uint8Array<ArrayBuffer>,
    { cutAfter = Infinity, stallAfter = Infinity }: ServedFile,
  ): ReadableStream<Uint8Array> {
    const end = Math.min(bytes.length, cutAfter, stallAfter);
    let sent = 0;
    return new ReadableStream({
      pull: async (controller) => {
        if (sent < end) {
          controller.enqueue(bytes.slice(sent, Math.min(sent + PIECE_BYTES, end)));
          sent = Math.min(sent + PIECE_BYTES, end);
          return;
        }
        if (sent >= bytes.length) return controller.close();
        if (sent >= stallAfter) {
          this.#stalled.resolve();
          await new Promise((resolve) =>
            this.#stalls.signal.addEventListener("abort", resolve, { once: true })
          );
        }
        controller.error(new Error("cut"));
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stalls.abort();
    await this.#server.shutdown();
  }
}

const PIECE_BYTES = 16_384;

/** A file with a name of its own for its version. */
export function servedFile(bytes: Uint8Array<ArrayBuffer>): ServedFile {
  return { bytes, etag: `"${bytes.length}-1"` };
}
