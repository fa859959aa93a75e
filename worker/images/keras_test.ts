import assert from "node:assert/strict";
import type { InputSpec } from "../models/config.ts";
import { decodeImage } from "./decode.ts";
import { preprocess } from "./preprocess.ts";
import { specOf } from "./testing/pictures.ts";
import keras from "./testdata/keras.json" with { type: "json" };

const SIDE = 224;

/** What Keras' modes are called here, how many levels of 0 to 255 make one of its numbers. */
const MODES: Readonly<Record<string, { scale: InputSpec["scale"]; levels: number }>> = {
  caffe: { scale: "caffe", levels: 1 },
  torch: {
    scale: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    levels: 255 * 0.229,
  },
};

const KERNELS: Readonly<Record<string, InputSpec["kernel"]>> = {
  bicubic: "bicubic",
  bilinear: "bilinear",
};

/**
 * The pictures: where they are, and how far a sample may be from Keras', in levels of 0 to 255.
 *
 * For a PNG the resampling alone differs, by its rounding; for a JPEG, the decoder does besides.
 */
const PICTURES: Readonly<Record<string, { folder: string; mean: number; max: number }>> = {
  "shapes.png": { folder: "./testdata/", mean: 0.1, max: 1.5 },
  "castle_image.jpg": { folder: "../../../shared/data/images/", mean: 0.25, max: 4 },
};

async function numbersOf(file: Uint8Array, spec: InputSpec): Promise<Float32Array> {
  const decoded = await decodeImage(file, spec, { pixelsMax: 1_000_000 });
  assert.ok(decoded.ok);
  const batch = new Float32Array(SIDE * SIDE * 3);
  preprocess(decoded.pixels, spec, batch, 0);
  return batch;
}

/** The numbers at every `step`th row and column from `first` on. */
function sampled(numbers: Float32Array): number[] {
  const places = Array.from({ length: SIDE }, (_, i) => i)
    .filter((i) => i >= keras.first && (i - keras.first) % keras.step === 0);
  return places.flatMap((y) =>
    places.flatMap((x) => [...numbers.subarray(3 * (y * SIDE + x), 3 * (y * SIDE + x) + 3)])
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

for (const { picture, interpolation, mode, ...expected } of keras.cases) {
  const within = PICTURES[picture]!;
  const path = new URL(`${within.folder}${picture}`, import.meta.url);
  const file = await Deno.readFile(path).catch(() => undefined);
  Deno.test({
    name: `preprocessing: ${picture} by ${interpolation} and ${mode} is as Keras computes it`,
    // The photo is not the project's own; the drawing is, and is always compared.
    ignore: file === undefined && picture !== "shapes.png",
    async fn(): Promise<void> {
      const { scale, levels } = MODES[mode]!;
      const kernel = KERNELS[interpolation]!;
      const spec = specOf({ width: SIDE, height: SIDE, kernel, scale });
      const numbers = await numbersOf(file!, spec);
      const samples = sampled(numbers);
      assert.equal(samples.length, expected.samples.length);
      const off = samples.map((value, i) => Math.abs(value - expected.samples[i]!) * levels);
      assert.ok(mean(off) <= within.mean, `mean difference ${mean(off)}`);
      assert.ok(Math.max(...off) <= within.max, `greatest difference ${Math.max(...off)}`);
      for (const c of [0, 1, 2]) {
        const channel = [...numbers].filter((_, i) => i % 3 === c);
        const centre = mean(channel);
        const spread = Math.sqrt(mean(channel.map((value) => (value - centre) ** 2)));
        assert.ok(Math.abs(centre - expected.mean[c]!) * levels <= within.mean);
        assert.ok(Math.abs(spread - expected.std[c]!) * levels <= within.mean);
      }
    },
  });
}
