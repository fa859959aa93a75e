import assert from "node:assert/strict";
import { openWasm } from "./wasm.ts";
import { openRepository } from "../models/repository.ts";
import { rejects, testEngine } from "./testing/engine_suite.ts";

testEngine("wasm", openWasm);

Deno.test("wasm names its library", async () => {
  const engine = await openWasm();
  assert.equal(engine.name, "wasm");
  assert.match(engine.description, /^tfjs-backend-wasm \d+\.\d+\.\d+$/);
});

Deno.test("wasm refuses a SavedModel, saying what it runs", async () => {
  const [files] = await openRepository(`${import.meta.dirname}/testdata`);
  assert(files !== undefined);
  await rejects(await openWasm(), files, "saved_model.pb", "runs layers, graph, not saved_model");
});
