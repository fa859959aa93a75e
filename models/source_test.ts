import assert from "node:assert/strict";
import { join } from "node:path";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { sourceOf } from "./source.ts";

/** The name that a model gets which is added so. */
async function nameFrom(text: string): Promise<string> {
  return (await sourceOf(text)).name;
}

Deno.test("source: an address names its model by the last part that says something", async () => {
  for (
    const [path, name] of [
      ["/nets/flowers.onnx?key=1", "flowers"],
      ["/flowers/model.json", "flowers"],
      ["/flowers/3/saved_model.tar.gz", "flowers"],
      ["/Sch%C3%B6ne%20Blumen.zip", "Sch-ne-Blumen"],
      ["/flowers/100%25.onnx", "100-"],
      ["/flowers/50%zz.onnx", "50-zz"],
      ["/flowers/.onnx", "flowers"],
      ["/.hidden/model.onnx", "model"],
      [`/${"x".repeat(80)}.onnx`, "x".repeat(64)],
      ["", "model"],
    ] as const
  ) assert.equal(await nameFrom(`https://example.com${path}`), name, path);
});

Deno.test("source: a path names its model likewise, and a % in it is a %", async () => {
  await using temporary = await TemporaryFolder.make("weir-source-test-");
  const { path: folder } = temporary;
  for (
    const [path, name] of [["100%.onnx", "100-"], ["flowers/model.json", "flowers"]] as const
  ) {
    await Deno.mkdir(join(folder, "flowers"), { recursive: true });
    await Deno.writeTextFile(join(folder, path), "");
    assert.equal(await nameFrom(join(folder, path)), name);
  }
});

Deno.test("source: a name that every object has is none of the catalogue", async () => {
  await assert.rejects(sourceOf("constructor"), /cannot add "constructor": no such file or folder/);
});
