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
import * as tf from "@tensorflow/tfjs";
import { ModelError } from "../../models/model_error.ts";
import { openRepository } from "../../models/repository.ts";
import {
  COLOUR_CUTS,
  colourBatch,
  type ColourModelOptions,
  colourScores,
  writeColourModel,
} from "../../models/testing/colour_model.ts";
import { ServedModel } from "../../served_model.ts";
import { place } from "../../images/preprocess.ts";
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

/** What a net that is cut answers a picture of one colour with. */
const NUMBERS = {
  mean: { kind: "embedding", shape: [3], of: (rgb) => [...rgb] },
  quarters: { kind: "tensor", shape: [2, 2, 3], of: (rgb) => [...rgb, ...rgb, ...rgb, ...rgb] },
} as const satisfies Record<string, Numbers>;

/** What a model that is no classifier says of its output, and gives for a colour. */
export interface Numbers {
  readonly kind: "embedding" | "tensor";
  readonly shape: readonly number[];
  readonly of: (rgb: readonly number[]) => number[];
}

interface Refusal {
  readonly what: string;
  readonly options?: ColourModelOptions;
  /** Damages the model after the repository has checked it. */
  readonly damage?: (files: ModelFiles) => Promise<void>;
  /** Parts of the error beside the name of the file. */
  readonly says: readonly string[];
}

const REFUSALS: readonly Refusal[] = [
  {
    what: "an input of another size than the net's",
    options: { settings: { input: { width: 5, height: 4 } } },
    says: ["model.json", "5"],
  },
  {
    what: "labels of the wrong number",
    options: { settings: { output: { firstLabel: 1 } } },
    says: ["labels.txt", "4 lines", '"output.firstLabel" 1', "4 classes"],
  },
  {
    what: "a firstLabel beyond the classes",
    options: { settings: { output: { firstLabel: 4 } } },
    says: ["model.json", '"output.firstLabel" is 4', "4 classes"],
  },
  {
    what: "to answer an embedding of more than one row",
    options: { cut: "quarters", settings: { output: { kind: "embedding" } } },
    says: ["model.json", "the shape [2, 2, 3]", "is one row"],
  },
  {
    what: "a net that answers with what is not a number",
    damage: async ({ folder }) => {
      const bias = Float32Array.of(0, NaN, 0, 0);
      await Deno.writeFile(join(folder, "bias.bin"), new Uint8Array(bias.buffer));
    },
    says: ["model.json", "NaN"],
  },
  {
    what: "a topology that it cannot read",
    damage: (files) => edit(files, (topology) => topology.config.layers[1].class_name = "Dance"),
    says: ["model.json", "Dance"],
  },
  {
    what: "a net of two outputs",
    options: { format: "graph" },
    damage: (files) =>
      edit(
        files,
        ({ node }) => node.push({ name: "second", op: "Relu", input: ["mean"], attr: {} }),
      ),
    says: ["model.json", '2 outputs, not one: cut it to one of "scores", "second"'],
  },
  {
    what: "a net that answers with whole numbers",
    options: { format: "graph" },
    damage: (files) => {
      const attr = { SrcT: { type: "DT_FLOAT" }, DstT: { type: "DT_INT32" } };
      const cast = { name: "cast", op: "Cast", input: ["scores"], attr };
      return edit(files, ({ node }) => node.push(cast));
    },
    says: ["model.json", "int32, not float32"],
  },
];

/** Registers the suite for one engine. */
export function testEngine(name: string, open: () => Promise<Engine>): void {
  for (const layout of LAYOUTS) {
    const net = `${layout.quantised ? "quantised " : ""}${layout.format} model`;
    Deno.test(`${name} answers with a ${net} as computed by hand, and leaks no tensor`, () =>
      withColourModel(layout, async (files) => await checkColourModel(await open(), files)));
  }

  for (const cut of COLOUR_CUTS) {
    for (const format of ["layers", "graph"] as const) {
      Deno.test(`${name} answers with the numbers of a ${format} model that is cut at its ${cut}`, () =>
        withColourModel(
          { cut, format },
          async (files) => await checkNumbers(await open(), files, NUMBERS[cut]),
        ));
    }
  }

  Deno.test(`${name} refuses to answer an image with more bytes than it may`, () =>
    withColourModel({ cut: "quarters" }, async (files) => {
      const engine = await open();
      const before = engine.tensors();
      const says = /\[2, 2, 3\], 48 bytes, WEIR_OUTPUT_BYTES_MAX is 47$/;
      await assert.rejects(loadWarm(engine, files, never, { outputBytesMax: 47 }), says);
      assert.equal(engine.tensors(), before);
      (await loadWarm(engine, files, never, { outputBytesMax: 48 })).dispose();
    }));

  for (const { what, options = {}, damage, says } of REFUSALS) {
    Deno.test(`${name} refuses ${what}, leaving nothing loaded`, () =>
      withColourModel(options, async (files) => {
        await damage?.(files);
        const engine = await open();
        const before = engine.tensors();
        await rejects(engine, files, ...says);
        assert.equal(engine.tensors(), before);
      }));
  }

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

  Deno.test(`${name} does not run while another backend is in its place`, () =>
    withColourModel({}, async (files) => {
      const model = await loadWarm(await open(), files, never);
      await tf.setBackend("cpu");
      try {
        await assert.rejects(model.predict(colourBatch(RED), 1, never), /it is "cpu" now/);
      } finally {
        await tf.setBackend(name);
        model.dispose();
      }
    }));
}

/** Checks a loaded model of mean colours: numbers, order within the batch, tensors, disposal. */
export async function checkColourModel(engine: Engine, files: ModelFiles): Promise<void> {
  const before = engine.tensors();
  const model = await loadWarm(engine, files, never);
  assert.deepEqual(model.outputShape, [4]);
  await checkScores(model);
  const loaded = engine.tensors();
  for (let i = 0; i < 1000; i++) await model.predict(batchFor(model, RED, DUSK), 2, never);
  assert.equal(engine.tensors(), loaded);
  await checkScores(model);
  model.dispose();
  model.dispose();
  assert.equal(engine.tensors(), before);
}

/** Checks what a model answers that is no classifier: its card, numbers and order in the batch. */
export async function checkNumbers(
  engine: Engine,
  files: ModelFiles,
  { kind, shape, of }: Numbers,
): Promise<void> {
  using served = new ServedModel(files, await loadWarm(engine, files, never), engine);
  assert.deepEqual(served.card.output, { kind, shape });
  const colours = [RED, DUSK, RED];
  const batch = colours.map((rgb) => ({ pixels: colourBatch(rgb), top: undefined }));
  for (const [i, answer] of (await served.answer(batch, never)).entries()) {
    assert(!("predictions" in answer));
    const [said, numbers] = "tensor" in answer
      ? [answer.tensor.shape, answer.tensor.data]
      : [shape, answer.embedding];
    assert.deepEqual(["tensor" in answer, said], [kind === "tensor", shape]);
    assertNear(numbers, of(colours[i]!));
  }
}

function assertNear(numbers: Float32Array, expected: readonly number[]): void {
  assert.equal(numbers.length, expected.length);
  expected.forEach((number, i) => assert(Math.abs(number - (numbers[i] ?? NaN)) < 1e-6));
}

/** Pictures of one colour each, in the layout that the network wants. */
function batchFor({ layout }: Model, ...pictures: readonly (readonly number[])[]): Float32Array {
  const images = pictures.map((rgb) => colourBatch(rgb));
  const batch = new Float32Array(images.reduce((sum, { length }) => sum + length, 0));
  images.forEach((image, i) => place(image, batch, i * image.length, layout));
  return batch;
}

async function checkScores(model: Model): Promise<void> {
  // A view into a larger buffer, as a worker that reuses its buffer hands over.
  const image = colourBatch(RED).length;
  const view = batchFor(model, DUSK, RED, DUSK, RED, DUSK).subarray(image, 4 * image);
  const scores = await model.predict(view, 3, never);
  assertNear(scores, [RED, DUSK, RED].flatMap(colourScores));
}

/** Runs a test on the model of mean colours, written as the options say. */
export async function withColourModel(
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

async function edit(
  { entry }: ModelFiles,
  // deno-lint-ignore no-explicit-any -- a test changes one field of a large object
  change: (topology: any) => void,
): Promise<void> {
  const json = JSON.parse(await Deno.readTextFile(entry));
  change(json.modelTopology);
  await Deno.writeTextFile(entry, JSON.stringify(json));
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
