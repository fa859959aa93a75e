import assert from "node:assert/strict";
import { linesOf } from "./lines.ts";

Deno.test("lines come whole, however the stream is cut", async () => {
  const bytes = new TextEncoder().encode("one\n\nthreé\nno end");
  for (const size of [1, 2, 5, bytes.length]) {
    const chunks = Array.from(
      { length: Math.ceil(bytes.length / size) },
      (_, i) => bytes.slice(i * size, (i + 1) * size),
    );
    const lines = await Array.fromAsync(linesOf(ReadableStream.from(chunks)));
    assert.deepEqual(lines, ["one", "", "threé", "no end"]);
  }
});
