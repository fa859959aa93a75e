import assert from "node:assert/strict";
import { MEDIA_TYPES } from "../../shared/media_type.ts";
import { type Page, readPage } from "../page.ts";

/** The page's files as they are served, as texts by path. */
async function texts(): Promise<{ html: string; script: string; style: string; page: Page }> {
  const page = await readPage();
  const text = (path: string) => {
    const file = page.files.find((file) => file.path === path);
    assert(file, `${path} is served`);
    return new TextDecoder().decode(file.content);
  };
  return { html: text("/"), script: text("/page.js"), style: text("/page.css"), page };
}

/** First groups of all matches. */
function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, group]) => group!);
}

Deno.test("the page refers to files that are served, and to no other host", async () => {
  const { html, script, style, page } = await texts();
  const served = page.files.map(({ path }) => path);
  const references = all(html, /(?:src|href)="([^"]+)"/g);
  assert.deepEqual(references.sort(), ["docs", "icon.svg", "page.css", "page.js", "theme.css"]);
  for (const reference of references.filter((name) => name !== "docs")) {
    assert(served.includes(`/${reference}`), reference);
  }
  assert.deepEqual(all(script + style, /(https?:|\burl\(|@import|import )/g), []);
});

Deno.test("the page has no inline script or style, which its policy would block", async () => {
  const { html, script } = await texts();
  assert.deepEqual(all(html, /<script(?![^>]* src=)([^>]*)>/g), []);
  assert.deepEqual(all(html, /(<style| style=| on[a-z]+=)/g), []);
  assert.deepEqual(all(script, /(setAttribute\("style"|innerHTML|eval\()/g), []);
});

Deno.test("every element that the script looks for is there, and no id is there twice", async () => {
  const { html, script } = await texts();
  const ids = all(html, / id="([^"]+)"/g);
  assert.deepEqual(ids, [...new Set(ids)]);
  const wanted = all(script, /(?:byId|instance)\("([^"]+)"\)/g);
  assert(wanted.length > 5);
  for (const id of wanted) assert(ids.includes(id), id);
  const classes = all(html, /class="([^"]+)"/g).flatMap((names) => names.split(" "));
  const looked = all(script, /(?:#find|querySelector)\("\.([\w-]+)/g);
  assert(looked.length > 5);
  for (const name of looked) assert(classes.includes(name), name);
});

Deno.test("the page offers the image types that the gateway takes", async () => {
  const { html } = await texts();
  assert.deepEqual(all(html, /accept="([^"]+)"/g), [MEDIA_TYPES.join(",")]);
});

Deno.test("the README has the section that the page names", async () => {
  const { html } = await texts();
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const sections = all(html, /“([^”]+)”/g);
  assert.equal(sections.length, 1);
  assert(readme.includes(`\n## ${sections[0]}\n`), `section ${sections[0]}`);
});
