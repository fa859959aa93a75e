import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { filesOf, findNetwork } from "./network.ts";

/** A folder with empty files. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "weir-network-test-" });

  constructor(...files: readonly string[]) {
    for (const file of files) {
      Deno.mkdirSync(dirname(join(this.path, file)), { recursive: true });
      Deno.writeTextFileSync(join(this.path, file), "");
    }
  }

  /** What is found, by paths from the folder on. */
  async find(path = this.path): Promise<readonly (string | undefined)[]> {
    const { entry, format, settings } = await findNetwork(path, "it");
    const from = (file: string) => relative(this.path, file);
    return [from(entry), format, settings && from(settings)];
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("network: of numbered versions it is the highest, by number", async () => {
  using folder = new Folder("net/2/model.json", "net/10/a.onnx", "net/9/model.json");
  assert.deepEqual(await folder.find(), ["net/10/a.onnx", "onnx", undefined]);
});

Deno.test("network: its settings lie beside it, or above its version, and no higher", async () => {
  using above = new Folder("weir.json", "net/weir.json", "net/1/saved_model.pb");
  assert.deepEqual(await above.find(), ["net/1/saved_model.pb", "saved_model", "net/weir.json"]);
  using far = new Folder("weir.json", "a/b/model.json");
  assert.deepEqual(await far.find(), ["a/b/model.json", "model.json", undefined]);
});

Deno.test("network: what lies below one belongs to it; two are named, however the folder is written", async () => {
  using below = new Folder("saved_model.pb", "assets/model.json");
  assert.deepEqual(await below.find(), ["saved_model.pb", "saved_model", undefined]);
  using two = new Folder("a/x.onnx", "b/model.json");
  for (const path of [two.path, `${two.path}/`, join(two.path, "a", "..") + "/./"]) {
    await assert.rejects(two.find(path), /several networks, "a\/x\.onnx", "b\/model\.json": name/);
  }
});

Deno.test("network: it is looked for four folders deep", async () => {
  using four = new Folder("a/b/c/d/model.json");
  assert.equal((await four.find())[0], "a/b/c/d/model.json");
  using five = new Folder("a/b/c/d/e/model.json");
  await assert.rejects(five.find(), /cannot add "it": it holds no model\.json/);
});

Deno.test("network: an ONNX file brings its weights, and nobody else's", async () => {
  using folder = new Folder("net.onnx", "net.onnx.data", "net.onnx_data", "net.txt", "x.onnx.data");
  const entry = join(folder.path, "net.onnx");
  assert.deepEqual([...await filesOf({ entry, format: "onnx" })].sort(), [
    ["net.onnx", "model.onnx"],
    ["net.onnx.data", "net.onnx.data"],
    ["net.onnx_data", "net.onnx_data"],
  ]);
});

Deno.test("network: a SavedModel brings all that lies there but settings", async () => {
  using folder = new Folder("saved_model.pb", "variables/variables.index", "weir.json");
  const entry = join(folder.path, "saved_model.pb");
  const files = [...(await filesOf({ entry, format: "saved_model" })).keys()];
  assert.deepEqual(files.sort(), ["saved_model.pb", "variables/variables.index"]);
});
