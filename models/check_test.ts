import assert from "node:assert/strict";
import { join } from "node:path";
import sharp from "sharp";
import {
  type ColourModelOptions,
  writeColourModel,
} from "../worker/models/testing/colour_model.ts";
import { checkModel } from "./check.ts";
import { Bench } from "./testing/bench.ts";

const INPUT = { width: 4, height: 4 };

/** A bench with the net that names colours, and a photo that is red at the left, grey at the right. */
async function benchWithNet(options: ColourModelOptions = {}): Promise<Bench> {
  const bench = new Bench();
  await writeColourModel(bench.repository, "net", { settings: { input: INPUT }, ...options });
  const pixels = Uint8Array.from(
    { length: 8 * 8 * 3 },
    (_, i) => i % 24 < 18 ? (i % 3 === 0 ? 250 : 10) : 60,
  );
  const raw = { width: 8, height: 8, channels: 3 } as const;
  await Deno.writeFile(bench.path("red.png"), await sharp(pixels, { raw }).png().toBuffer());
  return bench;
}

async function check(bench: Bench, name?: string): Promise<{ code: number; told: string }> {
  const code = await checkModel({ name, photo: bench.path("red.png") }, bench.parts());
  return { code, told: bench.said.splice(0).join("\n") };
}

Deno.test("check: shapes, preprocessing and classes of a model that is right", async () => {
  await using bench = await benchWithNet();
  const { code, told } = await check(bench);
  assert.equal(code, 0, told);
  assert.match(told, /^model {3}net version 1, layers$/m);
  assert.match(told, /^engine {2}wasm, tfjs-backend-wasm/m);
  assert.match(told, /^input {3}\[4, 4, 3\]: 4×4 pixels, fit fill, .*, scale 0to1$/m);
  assert.match(told, /^output {2}\[4\]: kind classes, activation none, 4 labels from class 0 on$/m);
  assert.match(told, /^values {2}in 0\.\d+ to 0\.\d+, out 0\.\d+ to 0\.\d+$/m);
  assert.match(
    told,
    /^ +0\.\d{4} {2}red\n(?: +0\.\d{4} {2}\w+\n){3}note: no photo tells .*\nnothing looks wrong$/m,
  );
});

Deno.test("check: missing labels are told, and no fault", async () => {
  await using bench = await benchWithNet();
  const settings = JSON.stringify({ input: INPUT });
  await Deno.writeTextFile(join(bench.repository, "net", "weir.json"), settings);
  const { code, told } = await check(bench);
  assert.equal(code, 0, told);
  assert.match(told, /^output .*, no labels$/m);
  assert.match(told, /^note: there are no labels, .*\nnothing looks wrong$/m);
});

Deno.test("check: a photo of Weir's own where none is given, and another engine", async () => {
  await using bench = await benchWithNet({ format: "onnx", onnx: { planar: true } });
  assert.equal(await checkModel({}, bench.parts("onnx")), 0);
  assert.match(bench.said.join("\n"), /^input {3}\[3, 4, 4\]: /m);
  assert.match(bench.said.join("\n"), /^photo {3}star\.jpg$/m);
});

Deno.test("check: everything that looks wrong, at once", async () => {
  await using bench = await benchWithNet();
  const scale = { mean: [124, 117, 104], std: [58, 57, 57] };
  const settings = {
    labels: "labels.txt",
    input: { ...INPUT, scale },
    output: { activation: "softmax" },
  };
  await Deno.writeTextFile(join(bench.repository, "net", "weir.json"), JSON.stringify(settings));
  await Deno.writeTextFile(join(bench.repository, "net", "labels.txt"), "cat\ndog");
  const { code, told } = await check(bench, "net");
  assert.equal(code, 1);
  const wrong = told.split("\n").filter((line) => line.startsWith("looks wrong: "));
  assert.equal(wrong.length, 3, told);
  assert.match(
    wrong[0]!,
    /"input\.scale" has numbers above 1: .* divide those of 0 to 255 by 255$/,
  );
  assert.match(wrong[1]!, /2 labels from class 0 on, the network has 4 classes/);
  assert.match(wrong[2]!, /sums to 1 already/);
});

Deno.test("check: numbers that are none are told, and no classes", async () => {
  await using bench = await benchWithNet();
  const bias = new Uint8Array(Float32Array.of(NaN, 0, 0, 0).buffer);
  await Deno.writeFile(join(bench.repository, "net", "1", "bias.bin"), bias);
  const { code, told } = await check(bench);
  assert.equal(code, 1);
  assert.match(told, /looks wrong: 4 of 4 numbers that it answers are no numbers/);
  assert(!/ red$/m.test(told));
});

Deno.test("check: what cannot be looked at is a sentence", async () => {
  await using bench = await benchWithNet();
  const parts = bench.parts();
  const fails = (options: Parameters<typeof checkModel>[0], message: RegExp) =>
    assert.rejects(checkModel(options, parts), { name: "ModelError", message });
  await fails({ name: "none" }, /cannot find model "none": the models are "net"$/);
  await fails({ photo: bench.path("none.jpg") }, /cannot read photo ".*": No such file/);
  const text = await bench.write("text.jpg", "no photo");
  await fails({ photo: text }, /cannot use photo ".*": decode image: not JPEG/);
  await Deno.remove(join(bench.repository, "net", "1", "bias.bin"));
  await fails({}, /bias\.bin/);
});
