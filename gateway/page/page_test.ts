import assert from "node:assert/strict";
import { MEDIA_TYPES } from "../../shared/media_type.ts";
import { readPageFiles } from "../page.ts";

const files = await readPageFiles();
const text = (path: string) => new TextDecoder().decode(files.get(path)!.content);
/** Each page, with its script. */
const PAGES = [["/", "/page/upload.ts"], ["/dashboard", "/page/dashboard.ts"]] as const;
const paths = [...files.keys()];
const own = paths.filter((path) => !path.startsWith("/lib/"));

/** First groups of all matches. */
function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, group]) => group!);
}

Deno.test("tests and settings are not served", () => {
  assert(own.includes("/page/upload.ts"));
  assert.deepEqual(paths.filter((path) => /_test|json/.test(path)), []);
});

Deno.test("pages refer to files that are served, and to no other host", () => {
  for (const [page] of PAGES) {
    const references = all(text(page), /(?:src|href)="([^"]+)"/g);
    assert(references.length > 5);
    for (const reference of references.filter((name) => name !== "docs")) {
      assert(files.has(new URL(reference, "http://weir/").pathname), reference);
    }
  }
  const abroad = { css: /(https?:|url\(|@import)/g, ts: /(https?:)/g };
  for (const [extension, pattern] of Object.entries(abroad)) {
    for (const path of own.filter((path) => path.endsWith(`.${extension}`))) {
      assert.deepEqual(all(text(path), pattern), [], path);
    }
  }
});

Deno.test("every module imports modules that are served", () => {
  const modules = paths.filter((path) => /\.[jt]s$/.test(path));
  for (const path of modules) {
    for (const specifier of all(text(path), /\bfrom ?["']([^"'\n]+)["']/g)) {
      const { pathname } = new URL(specifier, `http://weir${path}`);
      assert(specifier.startsWith(".") && files.has(pathname), `${path} imports ${specifier}`);
    }
  }
});

Deno.test("modules are served as JavaScript, line by line as they are written", async () => {
  const path = "/page/upload.ts";
  const written = await Deno.readTextFile(new URL("upload.ts", import.meta.url));
  assert.equal(files.get(path)!.headers["content-type"], "text/javascript; charset=utf-8");
  assert.equal(text(path).split("\n").length, written.split("\n").length);
  assert.doesNotMatch(text(path), /: readonly Model\[\]|import type/);
});

Deno.test("no page has an inline script or style, which its policy would block", () => {
  for (const [page] of PAGES) {
    assert.deepEqual(all(text(page), /<script(?![^>]* src=)([^>]*)>/g), []);
  }
  for (const path of own.filter((path) => !/\.(css|svg|jpg|webp)$/.test(path))) {
    assert.deepEqual(all(text(path), /(<style| style=| on[a-z]+="|innerHTML|eval\()/g), [], path);
  }
});

Deno.test("every element that a page's script looks for is there, and no id is there twice", () => {
  for (const [page, script] of PAGES) {
    const ids = all(text(page), / id="([^"]+)"/g);
    assert.deepEqual(ids, [...new Set(ids)]);
    const wanted = all(text(script), /byId\("([^"]+)"\)/g);
    assert(wanted.length > 5);
    // A panel draws its heading itself.
    for (const id of wanted.filter((id) => !id.endsWith("-heading"))) assert(ids.includes(id), id);
  }
});

Deno.test("the page to try photos on offers the image types that the gateway takes", () => {
  assert.deepEqual(all(text("/"), /accept="([^"]+)"/g), [MEDIA_TYPES.join(",")]);
});

Deno.test("the README has the section that a page names", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const sections = all(text("/page/model_panel.ts"), /“([^”]+)”/g);
  assert.equal(sections.length, 1);
  assert(readme.includes(`\n## ${sections[0]}\n`), `section ${sections[0]}`);
});
