import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { terminalProgress, watchGrowth } from "./progress.ts";
import { scratch } from "./testing/scratch.ts";

Deno.test("without a terminal a bar prints its start and its end, in plain lines", async () => {
  const stream = new PassThrough();
  const bar = terminalProgress(stream).bar("downloading", 200e6);
  for (let bytes = 0; bytes < 200e6; bytes += 1e5) bar.update(bytes);
  bar.stop();
  stream.end();
  const text = (await stream.toArray()).join("");
  assert.match(text, /^downloading \S+ 0% of 200 MB\ndownloading \S+ 99% of 200 MB\n+$/);
});

Deno.test("lines are printed as they are", () => {
  const stream = new PassThrough();
  terminalProgress(stream).line("extracting");
  assert.equal(String(stream.read()), "extracting\n");
});

Deno.test("a growing file moves the bar, and nothing does once that is over", async () => {
  await using folder = await scratch();
  const full = Promise.withResolvers<void>();
  let stopped = 0;
  {
    using _watch = watchGrowth(folder.folder, {
      update: (bytes) => bytes === 3000 && full.resolve(),
      stop: () => stopped++,
    });
    await folder.write("pip/part.whl", "x".repeat(1000));
    await folder.write("pip/part.whl", "x".repeat(3000));
    await full.promise;
    assert.equal(stopped, 0);
  }
  assert.equal(stopped, 1);
});
