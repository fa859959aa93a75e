import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { colourScores } from "../models/testing/colour_model.ts";
import { openRepository } from "../models/repository.ts";
import type { ModelFiles } from "./engine.ts";
import { openTensorflow } from "./tensorflow.ts";
import { checkColourModel, checkNumbers, rejects, testEngine } from "./testing/engine_suite.ts";

testEngine("tensorflow", openTensorflow);

async function savedModel(): Promise<ModelFiles> {
  const [files] = await openRepository(`${import.meta.dirname}/testdata`);
  assert.equal(files?.format, "saved_model");
  return files;
}

Deno.test("tensorflow is native in this checkout", async () => {
  const engine = await openTensorflow();
  assert.equal(engine.name, "tensorflow");
  assert.match(engine.description, /^tfjs-node 4\.\d+\.\d+, TensorFlow 2\.\d+\.\d+$/);
});

Deno.test("tensorflow answers with a SavedModel as computed by hand, and leaks no tensor", async () => {
  await checkColourModel(await openTensorflow(), await savedModel());
});

Deno.test("tensorflow answers with a SavedModel's numbers as an embedding", async () => {
  const { config, ...files } = await savedModel();
  const output = { ...config.output, kind: "embedding" } as const;
  const { labels: _, ...unlabelled } = config;
  const numbers = { kind: "embedding", shape: [4], of: colourScores } as const;
  const embedding = { ...files, config: { ...unlabelled, output } };
  await checkNumbers(await openTensorflow(), embedding, numbers);
});

Deno.test("tensorflow refuses a SavedModel that is damaged, naming it", async () => {
  await using copy = await copyOf(await savedModel());
  await Deno.truncate(copy.files.entry, 5000);
  await rejects(await openTensorflow(), copy.files, copy.files.entry);
});

Deno.test("tensorflow refuses a SavedModel that lacks a shard, naming it", async () => {
  await using copy = await copyOf(await savedModel());
  const shard = join("variables", "variables.data-00000-of-00001");
  await Deno.remove(join(copy.files.folder, shard));
  await rejects(await openTensorflow(), copy.files, copy.files.entry, shard);
});

Deno.test("tensorflow refuses a SavedModel that lacks its variables, naming it", async () => {
  await using copy = await copyOf(await savedModel());
  await Deno.remove(join(copy.files.folder, "variables", "variables.index"));
  await rejects(await openTensorflow(), copy.files, copy.files.entry, "find variable");
});

/** The same model in a folder of its own, to be damaged. */
async function copyOf(files: ModelFiles): Promise<{ files: ModelFiles } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  await cp(files.folder, folder, { recursive: true });
  return {
    files: { ...files, folder, entry: join(folder, "saved_model.pb") },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
