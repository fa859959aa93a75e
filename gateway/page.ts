/**
 * The files that pages are made of, read once.
 *
 * @module
 */

/** A file as it is served. */
export interface PageFile {
  readonly path: string;
  /** Name and summary of its route. */
  readonly id: string;
  readonly summary: string;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<"content-type" | "cache-control", string>>;
}

/** The upload page with what it needs, and what other pages need. */
export interface Page {
  readonly files: readonly PageFile[];
}

const FILES = [
  {
    path: "/",
    id: "page",
    summary: "Show the page to try photos",
    name: "index.html",
    type: "text/html; charset=utf-8",
  },
  {
    path: "/page.js",
    id: "pageScript",
    summary: "Give the page's script",
    name: "page.js",
    type: "text/javascript; charset=utf-8",
  },
  {
    path: "/page.css",
    id: "pageStyle",
    summary: "Give the page's style",
    name: "page.css",
    type: "text/css; charset=utf-8",
  },
  {
    path: "/theme.css",
    id: "theme",
    summary: "Give the style that all pages share",
    name: "theme.css",
    type: "text/css; charset=utf-8",
  },
  {
    path: "/icon.svg",
    id: "icon",
    summary: "Give the icon that all pages share",
    name: "icon.svg",
    type: "image/svg+xml",
  },
  {
    path: "/docs.css",
    id: "docsStyle",
    summary: "Give this document's style",
    name: "docs.css",
    type: "text/css; charset=utf-8",
  },
] as const;

/** Reads the page's files. */
export async function readPage(): Promise<Page> {
  const files = await Promise.all(FILES.map(async ({ path, id, summary, name, type }) => ({
    path,
    id,
    summary,
    content: await Deno.readFile(new URL(`page/${name}`, import.meta.url)),
    headers: { "content-type": type, "cache-control": "no-cache" },
  })));
  return { files };
}
