/**
 * What every engine must do, run on the library itself.
 *
 * Owns the tests that `tensorflow` and `wasm` share, and how a repository is laid out for them.
 * For tests alone.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ModelError } from "../../models/model_error.ts";
import { openRepository } from "../../models/repository.ts";
import {
  colourBatch,
  type ColourModelOptions,
  colourScores,
  writeColourModel,
} from "../../models/testing/colour_model.ts";
import type { Engine, Model, ModelFiles } from "../engine.ts";
import { loadWarm } from "../warm_up.ts";

/** A signal that nobody aborts. */
export const never: AbortSignal = new AbortController().signal;

const RED = [1, 0, 0];
const DUSK = [0.125, 0.25, 0.875];

const LAYOUTS: readonly ColourModelOptions[] = [
  { format: "layers" },
  { format: "layers", quantised: true },
  { format: "graph" },
  { format: "graph", quantised: true },
];

/** Registers the suite for one engine. */
export function testEngine(name: string, open: () => Promise<Engine>): void {
  for (const layout of LAYOUTS) {
    const net = `${layout.quantised ? "quantised " : ""}${layout.format} model`;
    Deno.test(`${name} answers with a ${net} as computed by hand, and leaks no tensor`, async () => {
      await withColourModel(layout, async (files) => await checkColourModel(await open(), files));
    });
  }

  Deno.test(`${name} refuses an input of another size than the net's, leaving nothing behind`, () =>
    withColourModel({ settings: { input: { width: 5, height: 4 } } }, async (files) => {
      const engine = await open();
      const before = engine.tensors();
      await rejects(engine, files, files.entry, "5");
      assert.equal(engine.tensors(), before);
    }));

  Deno.test(`${name} refuses labels of the wrong number, leaving nothing behind`, () =>
    withColourModel(
      { settings: { labels: "labels.txt", output: { firstLabel: 1 } } },
      async (files) => {
        const engine = await open();
        const before = engine.tensors();
        await rejects(engine, files, "labels.txt", "4 lines", '"output.firstLabel" 1', "4 classes");
        assert.equal(engine.tensors(), before);
      },
    ));

  Deno.test(`${name} refuses a firstLabel beyond the classes`, () =>
    withColourModel({ settings: { output: { firstLabel: 4 } } }, async (files) => {
      await rejects(await open(), files, files.entry, '"output.firstLabel" is 4', "4 classes");
    }));

  Deno.test(`${name} refuses a net that answers with what is not a number`, () =>
    withColourModel({}, async (files) => {
      const nan = new Uint8Array(Float32Array.of(0, NaN, 0, 0).buffer);
      await Deno.writeFile(join(files.folder, "bias.bin"), nan);
      await rejects(await open(), files, files.entry, "NaN");
    }));

  Deno.test(`${name} refuses a topology that it cannot read`, () =>
    withColourModel({}, async (files) => {
      const json = JSON.parse(await Deno.readTextFile(files.entry));
      json.modelTopology.config.layers[1].class_name = "Dance";
      await Deno.writeTextFile(files.entry, JSON.stringify(json));
      await rejects(await open(), files, files.entry, "Dance");
    }));

  Deno.test(`${name} refuses to answer anything but classes`, () =>
    withColourModel({ settings: { output: { kind: "embedding" } } }, async (files) => {
      await rejects(await open(), files, files.entry, '"output.kind"', '"embedding"');
    }));

  Deno.test(`${name} refuses a format that it does not run`, () =>
    withColourModel({}, async (files) => {
      await rejects(await open(), { ...files, format: "onnx" }, files.entry, name, "not onnx");
    }));

  Deno.test(`${name} does not run a batch whose signal is aborted`, () =>
    withColourModel({}, async (files) => {
      const model = await loadWarm(await open(), files, never);
      const reason = new Error("gone");
      const run = model.predict(colourBatch(RED), 1, AbortSignal.abort(reason));
      await assert.rejects(run, (error) => error === reason);
      model.dispose();
    }));
}

/** Checks a loaded model of mean colours: numbers, order within the batch, tensors, disposal. */
export async function checkColourModel(engine: Engine, files: ModelFiles): Promise<void> {
  const before = engine.tensors();
  const model = await loadWarm(engine, files, never);
  assert.deepEqual(model.outputShape, [4]);
  await checkScores(model);
  const loaded = engine.tensors();
  for (let i = 0; i < 1000; i++) await model.predict(colourBatch(RED, DUSK), 2, never);
  assert.equal(engine.tensors(), loaded);
  await checkScores(model);
  model.dispose();
  model.dispose();
  assert.equal(engine.tensors(), before);
}

async function checkScores(model: Model): Promise<void> {
  const scores = await model.predict(colourBatch(RED, DUSK, RED), 3, never);
  const expected = [RED, DUSK, RED].flatMap(colourScores);
  assert.equal(scores.length, expected.length);
  expected.forEach((score, i) => assert(Math.abs(score - (scores[i] ?? NaN)) < 1e-6));
}

async function withColourModel(
  options: ColourModelOptions,
  run: (files: ModelFiles) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await writeColourModel(folder, "colour", options);
    const [files] = await openRepository(folder);
    assert(files !== undefined);
    await run(files);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Insists on an error that holds all the parts. */
export async function rejects(
  engine: Engine,
  files: ModelFiles,
  ...parts: readonly string[]
): Promise<void> {
  await assert.rejects(loadWarm(engine, files, never), (error) => {
    assert(error instanceof ModelError);
    for (const part of parts) {
      assert(error.message.includes(part), `${error.message} lacks ${part}`);
    }
    return true;
  });
}
