/**
 * The files that pages are made of, read once.
 *
 * Owns which files a browser may have: those of the folder `page`, tests apart, and the modules of
 * the libraries that they import. A module is served as it is written, less its types, and with
 * the addresses of the libraries that it names: browsers take an import map only from an inline
 * script, which the policy forbids.
 * Invariant: what a file is served with is what it was when the gateway started.
 *
 * @module
 */
import { stripTypeScriptTypes } from "node:module";
import { SAMPLES } from "./page/samples.ts";

/** A file as it is served. */
export interface PageFile {
  readonly content: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<"content-type" | "cache-control" | "etag", string>>;
}

/** All files, by their paths: `/page/theme.css`. */
export type PageFiles = ReadonlyMap<string, PageFile>;

/** Folder of the files, and where they are served. */
export const PAGE_PATH = "/page";

/** Where the libraries are served, each in a folder of its own. */
export const LIBRARY_PATH = "/lib";

/** Libraries in the browser: the module that is imported, and those that it imports. */
const LIBRARIES: Readonly<Record<string, readonly [string, ...string[]]>> = {
  "lit-html": ["lit-html.js"],
  "eventsource-parser": ["dist/index.js", "dist/parse.js", "dist/errors.js"],
  "uplot": ["dist/uPlot.esm.js", "dist/uPlot.min.css"],
};

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  ts: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  jpg: "image/jpeg",
  webp: "image/webp",
};

/** Media types of all files. */
export const PAGE_TYPES: readonly string[] = [...new Set(Object.values(TYPES))];

const ROOT = new URL("../", import.meta.url);

/** Reads the files. */
export async function readPageFiles(): Promise<PageFiles> {
  const files = [...await ownFiles(), ...libraryFiles(), ...sampleFiles()];
  return new Map(
    await Promise.all(
      files.map(async ([path, source]) => [path, await readFile(source)] as const),
    ),
  );
}

type Found = readonly [path: string, source: URL];

async function ownFiles(): Promise<Found[]> {
  const folder = new URL("page/", import.meta.url);
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries
    .map(({ name }) => name)
    .filter((name) => name.split(".").at(-1)! in TYPES && !name.includes("_test."))
    .map((name) => [ownPath(name), new URL(name, folder)]);
}

/** `index.html` is at `/`, another page at its name, and what they need in the folder. */
function ownPath(name: string): string {
  return name.endsWith(".html")
    ? `/${name.replace(/(^index)?\.html$/, "")}`
    : `${PAGE_PATH}/${name}`;
}

function libraryFiles(): Found[] {
  return Object.entries(LIBRARIES).flatMap(([name, modules]) =>
    modules.map((module): Found => [
      libraryPath(name, module),
      new URL(`node_modules/${name}/${module}`, ROOT),
    ])
  );
}

function sampleFiles(): Found[] {
  return SAMPLES.map((name) => [
    `${PAGE_PATH}/${name}`,
    new URL(`fixtures/photos/${name}`, ROOT),
  ]);
}

function libraryPath(name: string, module: string): string {
  return `${LIBRARY_PATH}/${name}/${module.split("/").at(-1)}`;
}

async function readFile(source: URL): Promise<PageFile> {
  const extension = source.pathname.split(".").at(-1)!;
  const content = extension === "ts"
    ? new TextEncoder().encode(served(await Deno.readTextFile(source)))
    : await Deno.readFile(source);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return {
    content,
    headers: {
      "content-type": TYPES[extension]!,
      // Asked about each time, and sent when it has changed: names need no versions so.
      "cache-control": "no-cache",
      etag: `"${digest.toHex().slice(0, 32)}"`,
    },
  };
}

/** A module as browsers run it; its lines stay where they are. */
function served(source: string): string {
  return Object.entries(LIBRARIES).reduce(
    (text, [name, [main]]) =>
      text.replaceAll(`from "${name}"`, `from "..${libraryPath(name, main)}"`),
    stripTypeScriptTypes(source),
  );
}
