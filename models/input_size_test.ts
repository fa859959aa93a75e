import assert from "node:assert/strict";
import { join } from "node:path";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { writeColourModel } from "../worker/models/testing/colour_model.ts";
import { inputSize, type Size } from "./input_size.ts";

const makeFolder = () => TemporaryFolder.make("weir-input-size-test-");

/** A graph's input as protocol buffers are written in JSON: numbers of 64 bits as text. */
function placeholder(...sides: readonly (string | undefined)[]): unknown {
  const dim = sides.map((size) => size === undefined ? {} : { size });
  return { op: "Placeholder", attr: { shape: { shape: { dim } } } };
}

const keras = (config: unknown) => ({ modelTopology: { config: { layers: [{ config }] } } });
const graph = (...node: readonly unknown[]) => ({ modelTopology: { node } });

const DESCRIPTIONS: readonly [name: string, json: unknown, size: Size][] = [
  ["Keras 2", keras({ batch_input_shape: [null, 20, 10, 3] }), { width: 10, height: 20 }],
  ["Keras 3", keras({ batch_shape: [null, 20, 10, 3] }), { width: 10, height: 20 }],
  ["planes", keras({ batch_shape: [null, 3, 20, 10] }), { width: 10, height: 20 }],
  ["open height", keras({ batch_shape: [null, null, 10, 3] }), { width: 10 }],
  ["a graph", graph(placeholder("-1", "20", "10", "3")), { width: 10, height: 20 }],
  ["an open graph", graph(placeholder("-1", "-1", undefined, "3")), {}],
  [
    "a graph with another input before",
    graph(placeholder("-1", "1"), placeholder("-1", "20", "10", "3")),
    { width: 10, height: 20 },
  ],
  ["a graph of unknown rank", graph({ op: "Placeholder", attr: {} }), {}],
  ["what is no picture", keras({ batch_shape: [null, 7] }), {}],
  ["what says nothing", {}, {}],
];

for (const [name, json, size] of DESCRIPTIONS) {
  Deno.test(`input size: of ${name}`, async () => {
    await using folder = await makeFolder();
    await Deno.writeTextFile(join(folder.path, "model.json"), JSON.stringify(json));
    assert.deepEqual(await inputSize(folder.path, "model.json"), size);
  });
}

for (const planar of [false, true]) {
  Deno.test(`input size: of an ONNX file, channels ${planar ? "first" : "last"}`, async () => {
    await using folder = await makeFolder();
    const options = { format: "onnx", onnx: { planar } } as const;
    const version = await writeColourModel(folder.path, "net", options);
    assert.deepEqual(await inputSize(version, "onnx"), { width: 4, height: 4 });
  });
}

Deno.test("input size: a file that is no network is a sentence that names it", async () => {
  await using folder = await makeFolder();
  const file = join(folder.path, "model.onnx");
  await Deno.writeTextFile(file, "none");
  await assert.rejects(inputSize(folder.path, "onnx"), (error: Error) => {
    assert.equal(error.name, "ModelError");
    return error.message.startsWith(`cannot read "${file}": `);
  });
});
