import fc from "fast-check";
import assert from "node:assert/strict";
import type { InputSpec } from "../models/config.ts";
import { place, preprocess } from "./preprocess.ts";
import { specOf } from "./testing/pictures.ts";

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } satisfies InputSpec[
  "scale"
];

const PIXEL = { width: 1, height: 1 };

/** The numbers of one image, alone in its batch. */
function numbers(pixels: Uint8Array, over: Partial<InputSpec>): Float32Array {
  const batch = new Float32Array(pixels.length);
  preprocess(pixels, specOf({ ...PIXEL, ...over }), batch, 0);
  return batch;
}

const examples: [name: string, over: Partial<InputSpec>, expected: number[]][] = [
  ["minus1to1", { scale: "minus1to1" }, [-1, 0.2, 1]],
  ["0to1", { scale: "0to1" }, [0, 0.6, 1]],
  ["0to255", { scale: "0to255" }, [0, 153, 255]],
  ["caffe", { scale: "caffe" }, [255 - 103.939, 153 - 116.779, 0 - 123.68]],
  ["caffe in bgr", { scale: "caffe", channels: "bgr" }, [151.061, 36.221, -123.68]],
  ["0to255 in bgr", { scale: "0to255", channels: "bgr" }, [255, 153, 0]],
  // (0 - 0.485) / 0.229, (0.6 - 0.456) / 0.224, (1 - 0.406) / 0.225.
  ["ImageNet's mean and std", { scale: IMAGENET }, [-2.117904, 0.642857, 2.64]],
  ["mean and std in bgr", { scale: IMAGENET, channels: "bgr" }, [2.64, 0.642857, -2.117904]],
];

for (const [name, over, expected] of examples) {
  Deno.test(`preprocess: ${name} gives the published numbers`, () => {
    const actual = numbers(new Uint8Array([0, 153, 255]), over);
    expected.forEach((value, i) => assert.ok(Math.abs(actual[i]! - value) < 1e-5, `${actual}`));
  });
}

const real = fc.float({ min: -4, max: 4, noNaN: true });
const deviation = fc.float({ min: Math.fround(0.01), max: 4, noNaN: true });
const scale: fc.Arbitrary<InputSpec["scale"]> = fc.oneof(
  fc.constantFrom("minus1to1" as const, "0to1" as const, "0to255" as const, "caffe" as const),
  fc.record({
    mean: fc.tuple(real, real, real),
    std: fc.tuple(deviation, deviation, deviation),
  }),
);

/** An input of a few pixels with an image that fits it. */
const image = fc.record({
  width: fc.integer({ min: 1, max: 6 }),
  height: fc.integer({ min: 1, max: 6 }),
  channels: fc.constantFrom("rgb" as const, "bgr" as const),
  scale,
}).chain((over) =>
  fc.record({
    spec: fc.constant(specOf(over)),
    pixels: fc.uint8Array({
      minLength: over.width * over.height * 3,
      maxLength: over.width * over.height * 3,
    }),
  })
);

/** The same in the plainest way: a pass for the order, one for each step of the arithmetic. */
function naive(pixels: Uint8Array, { scale, channels }: InputSpec): number[] {
  const triples: number[][] = [];
  for (let i = 0; i < pixels.length; i += 3) triples.push([...pixels.subarray(i, i + 3)]);
  if (scale === "caffe") {
    const centred = triples.map(([r, g, b]) => [r! - 123.68, g! - 116.779, b! - 103.939]);
    return centred.flatMap((triple) => triple.reverse());
  }
  const ordered = (all: number[][]): number[] =>
    all.flatMap((triple) => channels === "bgr" ? triple.toReversed() : triple);
  if (scale === "0to255") return ordered(triples);
  const unit = triples.map((triple) => triple.map((x) => x / 255));
  if (scale === "0to1") return ordered(unit);
  if (scale === "minus1to1") return ordered(unit.map((triple) => triple.map((x) => 2 * x - 1)));
  const { mean, std } = scale;
  return ordered(unit.map((triple) => triple.map((x, c) => (x - mean[c]!) / std[c]!)));
}

Deno.test("preprocess: one pass equals the steps one after the other", () => {
  fc.assert(fc.property(image, ({ spec, pixels }) => {
    const actual = numbers(pixels, spec);
    naive(pixels, spec).forEach((value, i) => {
      assert.ok(Math.abs(actual[i]! - value) <= 1e-5 * Math.max(1, Math.abs(value)));
    });
  }));
});

Deno.test("preprocess: named scales stay in the range of their names", () => {
  const ranges = { minus1to1: [-1, 1], "0to1": [0, 1], "0to255": [0, 255] } as const;
  const named = fc.constantFrom("minus1to1" as const, "0to1" as const, "0to255" as const);
  fc.assert(fc.property(named, fc.uint8Array({ minLength: 3, maxLength: 3 }), (scale, pixels) => {
    const [low, high] = ranges[scale];
    for (const value of numbers(pixels, { scale })) assert.ok(value >= low && value <= high);
  }));
});

Deno.test("preprocess: a brighter sample gives a greater number", () => {
  const sample = fc.integer({ min: 0, max: 254 });
  fc.assert(fc.property(scale, sample, fc.nat(2), (scale, x, channel) => {
    const dark = new Uint8Array(3).fill(x, channel, channel + 1);
    const bright = new Uint8Array(3).fill(x + 1, channel, channel + 1);
    const changed = numbers(bright, { scale }).map((value, i) =>
      value - numbers(dark, { scale })[i]!
    );
    assert.equal(changed.filter((value) => value > 0).length, 1);
    assert.equal(changed.filter((value) => value === 0).length, 2);
  }));
});

Deno.test("preprocess: the samples can be had back", () => {
  const inverse = (value: number, c: number, scale: InputSpec["scale"]): number => {
    if (scale === "minus1to1") return (value + 1) * 127.5;
    if (scale === "0to1") return value * 255;
    if (scale === "0to255") return value;
    if (scale === "caffe") return value + [123.68, 116.779, 103.939][c]!;
    return (value * scale.std[c]! + scale.mean[c]!) * 255;
  };
  fc.assert(fc.property(image, ({ spec, pixels }) => {
    const bgr = spec.channels === "bgr" || spec.scale === "caffe";
    const back = new Uint8Array(pixels.length);
    numbers(pixels, spec).forEach((value, i) => {
      const c = bgr ? 2 - i % 3 : i % 3;
      back[i - i % 3 + c] = Math.round(inverse(value, c, spec.scale));
    });
    assert.deepEqual(back, pixels);
  }));
});

Deno.test("preprocess: an image lands at its offset and touches nothing else", () => {
  fc.assert(fc.property(image, fc.nat(20), fc.nat(20), ({ spec, pixels }, before, after) => {
    const batch = new Float32Array(before + pixels.length + after).fill(-9);
    preprocess(pixels, spec, batch, before);
    const expected = new Float32Array(batch.length).fill(-9);
    expected.set(numbers(pixels, spec), before);
    assert.deepEqual(batch, expected);
  }));
});

Deno.test("preprocess: an image that does not fit is a bug, and nothing is written", () => {
  const batch = new Float32Array(5).fill(-9);
  const pixel = new Uint8Array(3);
  assert.throws(() => preprocess(new Uint8Array(6), specOf(PIXEL), batch, 0), RangeError);
  assert.throws(() => preprocess(pixel, specOf(PIXEL), batch, 3), RangeError);
  assert.throws(() => preprocess(pixel, specOf(PIXEL), batch, -1), RangeError);
  assert.deepEqual(batch, new Float32Array(5).fill(-9));
});

Deno.test("preprocess: planes hold what stands together at each pixel otherwise", () => {
  fc.assert(fc.property(image, fc.nat(20), ({ spec, pixels }, offset) => {
    const together = numbers(pixels, spec);
    const planes = new Float32Array(offset + pixels.length);
    preprocess(pixels, spec, planes, offset, "planar");
    const placed = new Float32Array(offset + pixels.length);
    place(together, placed, offset, "planar");
    assert.deepEqual(planes, placed);
    const count = pixels.length / 3;
    const turned = together.map((_, i) => together[3 * (i % count) + Math.floor(i / count)]!);
    assert.deepEqual(planes.subarray(offset), turned);
  }));
});
