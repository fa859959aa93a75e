/**
 * The files of the upload page, read once.
 *
 * @module
 */

/** A file as it is served. */
export interface PageFile {
  readonly path: string;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** The page with what it needs. */
export interface Page {
  readonly files: readonly PageFile[];
}

const FILES = [
  { path: "/", name: "index.html", type: "text/html; charset=utf-8" },
  { path: "/page.js", name: "page.js", type: "text/javascript; charset=utf-8" },
  { path: "/page.css", name: "page.css", type: "text/css; charset=utf-8" },
] as const;

/** Reads the page's files. */
export async function readPage(): Promise<Page> {
  const files = await Promise.all(FILES.map(async ({ path, name, type }) => ({
    path,
    content: await Deno.readFile(new URL(`page/${name}`, import.meta.url)),
    headers: { "content-type": type, "cache-control": "no-cache" },
  })));
  return { files };
}
