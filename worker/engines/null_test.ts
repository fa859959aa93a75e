import assert from "node:assert/strict";
import type { ModelFiles } from "./engine.ts";
import { openNull } from "./null.ts";
import { loadWarm } from "./warm_up.ts";
import { never } from "./testing/engine_suite.ts";

const files: ModelFiles = {
  name: "shapes",
  version: "1",
  format: "layers",
  folder: "shapes/1",
  entry: "shapes/1/model.json",
  labels: ["circle"],
  config: {
    default: true,
    labels: "labels.txt",
    input: { width: 8, height: 8, fit: "fill", kernel: "bilinear", channels: "rgb", scale: "0to1" },
    output: { kind: "classes", activation: "none", top: 5, firstLabel: 0 },
  },
};

Deno.test("null reads no file and answers with nothing, after its delay for each image", async () => {
  const slept: number[] = [];
  const sleep = (ms: number) => Promise.resolve(void slept.push(ms));
  const model = await loadWarm(openNull({ delayMs: 7, clock: { sleep } }), files, never);
  assert.deepEqual(slept, []);
  assert.equal((await model.predict(new Float32Array(), 3, never)).length, 0);
  assert.deepEqual(slept, [21]);
  model.dispose();
});

Deno.test("null without a delay does not touch the clock", async () => {
  const sleep = () => Promise.reject(new Error("the clock was touched"));
  const model = await openNull({ delayMs: 0, clock: { sleep } }).load(files);
  assert.equal((await model.predict(new Float32Array(), 1, never)).length, 0);
});

Deno.test("null stops waiting when it is aborted", async () => {
  const reason = new Error("gone");
  const abort = new AbortController();
  const sleep = () => Promise.resolve(abort.abort(reason));
  const model = await openNull({ delayMs: 7, clock: { sleep } }).load(files);
  await assert.rejects(
    model.predict(new Float32Array(), 1, abort.signal),
    (error) => error === reason,
  );
});
