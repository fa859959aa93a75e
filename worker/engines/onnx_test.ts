import assert from "node:assert/strict";
import { colourBatch, type ColourModelOptions } from "../models/testing/colour_model.ts";
import { openOnnx } from "./onnx.ts";
import {
  checkColourModel,
  checkNumbers,
  never,
  type Numbers,
  rejects,
  withColourModel,
} from "./testing/engine_suite.ts";
import { loadWarm } from "./warm_up.ts";

const withModel: typeof withColourModel = (options, run) =>
  withColourModel({ format: "onnx", ...options }, run);

const NETS: readonly [string, ColourModelOptions["onnx"] & object][] = [
  ["channels last", {}],
  ["planes", { planar: true }],
  ["one image a run", { batch: 1 }],
  ["planes of two images a run", { planar: true, batch: 2 }],
];

for (const [what, onnx] of NETS) {
  Deno.test(`onnx answers with a net of ${what} as computed by hand`, () =>
    withModel({ onnx }, async (files) => await checkColourModel(await openOnnx(), files)));
}

const OF_ALL = {
  op: "ReduceMean",
  inputs: ["image"],
  output: "mean",
  attributes: { axes: [0, 1, 2], keepdims: 0 },
};

const NUMBERS: readonly [string, ColourModelOptions, Numbers][] = [
  ["its mean", { cut: "mean" }, { kind: "embedding", shape: [3], of: (rgb) => [...rgb] }],
  [
    "its quarters, in planes, one image a run",
    { cut: "quarters", onnx: { planar: true, batch: 1 } },
    {
      kind: "tensor",
      shape: [3, 2, 2],
      of: (rgb) => rgb.flatMap((value) => Array<number>(4).fill(value)),
    },
  ],
];

for (const [where, options, numbers] of NUMBERS) {
  Deno.test(`onnx answers with the numbers of a net that is cut at ${where}`, () =>
    withModel(options, async (files) => await checkNumbers(await openOnnx(), files, numbers)));
}

const REFUSALS: readonly (ColourModelOptions & {
  readonly what: string;
  readonly says: readonly string[];
})[] = [
  {
    what: "an input of another size than the net's",
    settings: { input: { width: 5, height: 4 } },
    says: ["[images, 4, 4, 3]", "5×4 pixels"],
  },
  {
    what: "labels of the wrong number",
    settings: { output: { firstLabel: 1 } },
    says: ["labels.txt", "4 lines", "4 classes"],
  },
  {
    what: "a net of two outputs",
    edit: (graph) => ({
      ...graph,
      outputs: [...graph.outputs, { name: "sum", shape: ["images", 4] }],
    }),
    says: ['2 outputs, not one: cut it to one of "scores", "sum"'],
  },
  {
    what: "a net that answers for the batch as a whole",
    cut: "mean",
    edit: (graph) => ({
      ...graph,
      outputs: [{ name: "mean", shape: [3] }],
      nodes: [OF_ALL],
    }),
    says: ["the net's output is [3], not a row for each of 1 images"],
  },
  {
    what: "an operator that nobody knows",
    edit: (graph) => ({
      ...graph,
      nodes: graph.nodes.map((node) => ({ ...node, op: node.op.replace("Gemm", "Dance") })),
    }),
    says: ["Dance"],
  },
];

for (const { what, says, ...options } of REFUSALS) {
  Deno.test(`onnx refuses ${what}, naming the file`, () =>
    withModel(options, async (files) => {
      await rejects(await openOnnx(), files, files.folder.slice(0, -2), ...says);
    }));
}

Deno.test("onnx refuses a file that is cut short, naming it", () =>
  withModel({}, async (files) => {
    await Deno.truncate(files.entry, 100);
    await rejects(await openOnnx(), files, files.entry);
  }));

Deno.test("onnx refuses what is no ONNX file, saying what it runs", () =>
  withModel({}, async (files) => {
    const layers = { ...files, format: "layers" } as const;
    await rejects(await openOnnx(), layers, files.entry, "runs onnx, not layers");
  }));

Deno.test("onnx does not run a batch whose signal is aborted", () =>
  withModel({}, async (files) => {
    const model = await loadWarm(await openOnnx(), files, never);
    const reason = new Error("gone");
    const run = model.predict(colourBatch([1, 0, 0]), 1, AbortSignal.abort(reason));
    await assert.rejects(run, (error) => error === reason);
    model.dispose();
  }));
