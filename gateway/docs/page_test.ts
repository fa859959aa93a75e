import assert from "node:assert/strict";
import { ERROR_CODES } from "../../shared/errors.ts";
import type { OpenApiDocument } from "../openapi.ts";
import { readPageFiles } from "../page.ts";
import { openBareApp } from "../testing/app.ts";
import { placesOf } from "./document.ts";
import { docsPage } from "./page.ts";

const { app } = openBareApp();
const page = await (await app.request("/docs")).text();
const document: OpenApiDocument = await (await app.request("/openapi.json")).json();

/** First groups of all matches. */
function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, group]) => group!);
}

const ids = all(page, / id="([^"]+)"/g);

Deno.test("every operation, schema and error of the document has one anchor", () => {
  const operations = placesOf(document).map(({ operation }) => operation.operationId);
  const schemas = Object.keys(document.components!.schemas!).map((name) => `schema-${name}`);
  const errors = ERROR_CODES.map((code) => `error-${code}`);
  assert.deepEqual(
    ids.toSorted(),
    ["schemas", "errors", ...operations, ...schemas, ...errors].sort(),
  );
});

Deno.test("every link leads to an anchor or to what is served, and to no other host", async () => {
  const paths = ["/openapi.json", ...(await readPageFiles()).keys()];
  const links = all(page, /(?:href|src)="([^"]*)"/g);
  assert(links.length > 50);
  for (const link of links) {
    const { origin, pathname, hash } = new URL(link, "http://weir/docs");
    assert.equal(origin, "http://weir");
    if (pathname === "/docs" && hash !== "") assert(ids.includes(hash.slice(1)), link);
    else assert(pathname === "/docs" || paths.includes(pathname), link);
  }
});

Deno.test("the page has no script and no inline style, which its policy would block", () => {
  assert.deepEqual(all(page, /(<script|<style| style=| on[a-z]+=)/g), []);
});

Deno.test("the page says of an operation what it takes and what it answers", () => {
  const [create] = all(page, /<article id="createJob">(.+?)<\/article>/gs);
  const text = create!.replaceAll(/<[^>]+>/g, "").replaceAll(/\s+/g, " ");
  for (
    const part of [
      "POST /v1/jobs Submit photos as a job.",
      "top query, integer, 1 to 100 The most predictions",
      "multipart/form-data image list of string",
      "202 Job The job, accepted. With Location, Preference-Applied.",
      "Problems invalid_request",
    ]
  ) {
    assert(text.includes(part), `${part} in ${text}`);
  }
});

Deno.test("what the document says is text, never markup", async () => {
  const evil = "<img src=x onerror=alert(1)>";
  const html = await docsPage({
    ...document,
    info: { ...document.info, title: evil, description: `a \`${evil}\`` },
  });
  assert(!html.includes("<img src=x"));
  assert(html.includes("a <code>&lt;img"));
});
