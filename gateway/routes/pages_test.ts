import assert from "node:assert/strict";
import { openBareApp, problem } from "../testing/app.ts";

const { app } = openBareApp();

Deno.test("a file that the client has already is not sent again", async () => {
  const { status, headers } = await app.request("/");
  assert.equal(status, 200);
  const tag = headers.get("etag")!;
  for (const tags of [tag, `W/${tag}`, `"other", ${tag}`]) {
    const again = await app.request("/", { headers: { "if-none-match": tags } });
    assert.deepEqual([again.status, again.headers.get("etag")], [304, tag]);
  }
  const other = await app.request("/", { headers: { "if-none-match": '"other"' } });
  assert.equal(await other.text(), "<!DOCTYPE html>");
});

Deno.test("what is no file of a page is not found, wherever it lies", async () => {
  for (
    const path of [
      ...["/page/no.ts", "/page/..%2fpage.ts", "/page/", "/page/toString"],
      ...["/lib/lit-html/no.js", "/lib/..%2f../main.ts"],
    ]
  ) {
    await problem(await app.request(path), 404, "not_found");
  }
});
