import assert from "node:assert/strict";
import { curl } from "./curl.ts";

const URL = "http://127.0.0.1:8080/v1/jobs";

Deno.test("a plain name needs no quotes", () => {
  assert.equal(
    curl("star.jpg", URL, false),
    `curl -H 'Prefer: wait=30' -F image=@star.jpg ${URL}`,
  );
});

Deno.test("a key is named, never shown", () => {
  assert.match(curl("star.jpg", URL, true), /^curl -H "Authorization: Bearer \$WEIR_API_KEY" -H/);
});

Deno.test("a shell and curl read back any name, and an address with a query", async () => {
  for (const name of ["my photo.jpg", "it's.jpg", 'a "b"; c,d.jpg', "back\\slash$HOME.jpg"]) {
    const line = curl(name, `${URL}?model=a`, false);
    const args = ["-c", `printf '%s\\n' ${line}`];
    const { stdout } = await new Deno.Command("sh", { args }).output();
    const words = new TextDecoder().decode(stdout).split("\n");
    const quoted = name.replace(/[\\"]/g, "\\$&");
    assert.deepEqual(words.slice(3, 6), ["-F", `image=@"${quoted}"`, `${URL}?model=a`]);
  }
});
