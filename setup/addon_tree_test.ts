import assert from "node:assert/strict";
import { join } from "node:path";
import { copyTree, hasBinding, layTree, removeTree, sealTree, treeSource } from "./addon_tree.ts";
import { type Scratch, scratch } from "./testing/scratch.ts";

const BINDING = "lib/napi-v8/tfjs_binding.node";
const LIBRARY = "deps/lib/libtensorflow_cc.so.2";

/** A small tree under `tree/` and a package under `package/`. */
async function treeAndPackage(folder: Scratch): Promise<{ tree: string; packageFolder: string }> {
  await folder.write(`tree/${BINDING}`, "binding");
  await folder.write(`tree/${LIBRARY}`, "library");
  await folder.write("package/package.json", "{}");
  return { tree: folder.path("tree"), packageFolder: folder.path("package") };
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).toSorted();
}

Deno.test("a sealed tree says where it came from", async () => {
  await using folder = await scratch();
  const { tree } = await treeAndPackage(folder);
  assert.equal(await treeSource(tree), undefined, "not before it is sealed");
  await sealTree(tree, "wheel 1");
  assert.equal(await treeSource(tree), "wheel 1");
});

const damages: Record<string, (tree: string) => Promise<void>> = {
  "a missing file": (tree) => Deno.remove(join(tree, LIBRARY)),
  "a file of another length": (tree) => Deno.writeTextFile(join(tree, LIBRARY), "librar"),
  "a small file with other bytes": (tree) => Deno.writeTextFile(join(tree, BINDING), "bindinG"),
  "a seal cut short": (tree) => Deno.truncate(join(tree, "lib", "weir.json"), 20),
  "a seal of no files": (tree) =>
    Deno.writeTextFile(join(tree, "lib", "weir.json"), '{"source":"wheel 1","files":[]}'),
};
for (const [damage, harm] of Object.entries(damages)) {
  Deno.test(`a seal does not match a tree with ${damage}`, async () => {
    await using folder = await scratch();
    const { tree } = await treeAndPackage(folder);
    await sealTree(tree, "wheel 1");
    await harm(tree);
    assert.equal(await treeSource(tree), undefined);
  });
}

Deno.test("a large file is judged by its length, not read", async () => {
  await using folder = await scratch();
  const { tree } = await treeAndPackage(folder);
  await Deno.truncate(join(tree, LIBRARY), 1 << 21);
  await sealTree(tree, "wheel 1");
  const seal = JSON.parse(await Deno.readTextFile(join(tree, "lib", "weir.json")));
  assert.deepEqual(seal.files.map((file: { sha256?: string }) => file.sha256?.length), [
    undefined,
    64,
  ]);
  await Deno.truncate(join(tree, LIBRARY), (1 << 21) - 1);
  assert.equal(await treeSource(tree), undefined);
});

Deno.test("laying a tree puts its files into the package, without its seal", async () => {
  await using folder = await scratch();
  const { tree, packageFolder } = await treeAndPackage(folder);
  await sealTree(tree, "wheel 1");
  await layTree(tree, packageFolder);
  assert.equal(await Deno.readTextFile(join(packageFolder, BINDING)), "binding");
  assert.equal(await Deno.readTextFile(join(packageFolder, LIBRARY)), "library");
  assert.equal(await treeSource(packageFolder), undefined);
  assert.deepEqual(await names(packageFolder), ["deps", "lib", "package.json"]);
});

Deno.test("a copy keeps the links by which libraries go by several names", async () => {
  await using folder = await scratch();
  const { tree } = await treeAndPackage(folder);
  await Deno.symlink("libtensorflow_cc.so.2", join(tree, "deps", "lib", "libtensorflow.so"));
  await copyTree(tree, folder.path("copy"));
  await sealTree(folder.path("copy"), "wheel 1");
  const copied = await Deno.readTextFile(folder.path("copy", "deps", "lib", "libtensorflow.so"));
  assert.equal(copied, "library");
  assert.equal(await treeSource(folder.path("copy")), "wheel 1");
});

/** What a set-up killed at each of its steps leaves in the package. */
const interruptions: Record<string, string[]> = {
  "before anything was moved": [`.weir/${LIBRARY}`],
  "with everything laid beside": [`.weir/${LIBRARY}`, `.weir/${BINDING}`],
  "between libraries and binding": [LIBRARY, `.weir/${BINDING}`],
  "while the old addon was removed": [LIBRARY, "lib/weir.json"],
};
for (const [moment, left] of Object.entries(interruptions)) {
  Deno.test(`a set-up killed ${moment} left no addon, and the next one lays it whole`, async () => {
    await using folder = await scratch();
    const { tree, packageFolder } = await treeAndPackage(folder);
    for (const path of left) await folder.write(`package/${path}`, "half");
    assert.equal(await hasBinding(packageFolder), false);
    assert.equal(await treeSource(packageFolder), undefined);
    await layTree(tree, packageFolder);
    await sealTree(packageFolder, "wheel 2");
    assert.equal(await treeSource(packageFolder), "wheel 2");
    assert.equal(await Deno.readTextFile(join(packageFolder, LIBRARY)), "library");
    assert.deepEqual(await names(packageFolder), ["deps", "lib", "package.json"]);
  });
}

Deno.test("removing the addon leaves the package as npm made it", async () => {
  await using folder = await scratch();
  const { tree, packageFolder } = await treeAndPackage(folder);
  await layTree(tree, packageFolder);
  assert.equal(await hasBinding(packageFolder), true);
  await removeTree(packageFolder);
  assert.deepEqual(await names(packageFolder), ["package.json"]);
});
