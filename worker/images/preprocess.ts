/**
 * Eight-bit samples become the numbers a network was trained on.
 *
 * Owns the arithmetic of `scale` and the order of `channels`. Never decodes, never resizes.
 * Invariant: one pass, one write for each sample; what it reads decides what it writes, alone.
 *
 * @module
 */
import type { InputSpec } from "../models/config.ts";

/** Samples of a pixel. */
const CHANNELS = 3;

/** ImageNet's means for R, G, B in 0 to 255, as Caffe's and Keras' models were trained with. */
const CAFFE_MEANS = [123.68, 116.779, 103.939] as const;

/** Whether a picture's channels stand together at each pixel, or each is a plane of its own. */
export type Layout = "interleaved" | "planar";

/**
 * Writes an image into a batch.
 *
 * With `x` a sample in 0 to 255 and `c` its channel:
 *
 * | `scale` | number | as in |
 * |---|---|---|
 * | `minus1to1` | x / 127.5 - 1 | Keras' mode `tf` |
 * | `0to1` | x / 255 | `Rescaling(1/255)`, torchvision's `ToTensor` |
 * | `0to255` | x | |
 * | `caffe` | x - mean[c], always in the order B, G, R | Keras' mode `caffe` |
 * | `{ mean, std }` | (x / 255 - mean[c]) / std[c] | torchvision's `ToTensor` and `Normalize` |
 *
 * `mean` and `std` are named in the order R, G, B whatever `channels` says; `channels` orders what
 * is written. `caffe` implies `bgr`, so that `channels` changes nothing there.
 *
 * Sources: `keras.applications.imagenet_utils.preprocess_input`; `torchvision.transforms`.
 *
 * @param pixels `height × width × 3` samples in the order R, G, B
 * @param batch takes `pixels.length` numbers
 * @param offset where in `batch` the first one goes
 * @param layout `[height, width, 3]`, or `[3, height, width]`
 * @throws {RangeError} where the image does not fit the model's input or the batch: a bug
 *
 * @example
 * ```ts
 * import { preprocess } from "./preprocess.ts";
 *
 * const batch = new Float32Array(3);
 * preprocess(new Uint8Array([0, 51, 255]), {
 *   width: 1, height: 1, fit: "fill", kernel: "bilinear", channels: "bgr", scale: "0to1",
 * }, batch, 0); // batch is 1, 0.2, 0
 * ```
 */
export function preprocess(
  pixels: Uint8Array,
  spec: InputSpec,
  batch: Float32Array,
  offset: number,
  layout: Layout = "interleaved",
): void {
  const length = spec.height * spec.width * CHANNELS;
  if (pixels.length !== length) {
    throw new RangeError(`write image "${length}": it has ${pixels.length} samples`);
  }
  if (offset < 0 || offset + length > batch.length) {
    throw new RangeError(`write image at "${offset}": the batch ends at ${batch.length}`);
  }
  const [red, green, blue] = tables(spec.scale);
  const bgr = spec.scale === "caffe" || spec.channels === "bgr";
  const { distance, step } = stridesOf(length, layout);
  const toRed = offset + (bgr ? 2 : 0) * distance;
  const toGreen = offset + distance;
  const toBlue = offset + (bgr ? 0 : 2) * distance;
  // The lengths checked above make every index a valid one.
  for (let i = 0, to = 0; i < length; i += CHANNELS, to += step) {
    batch[toRed + to] = red[pixels[i]!]!;
    batch[toGreen + to] = green[pixels[i + 1]!]!;
    batch[toBlue + to] = blue[pixels[i + 2]!]!;
  }
}

/**
 * Writes numbers into a batch that are what the network takes already.
 *
 * @param numbers `height × width × 3`, in the network's own order of channels
 */
export function place(
  numbers: Float32Array,
  batch: Float32Array,
  offset: number,
  layout: Layout,
): void {
  if (layout === "interleaved") return batch.set(numbers, offset);
  const { distance, step } = stridesOf(numbers.length, layout);
  for (let i = 0, to = offset; i < numbers.length; i += CHANNELS, to += step) {
    for (let c = 0; c < CHANNELS; c++) batch[to + c * distance] = numbers[i + c]!;
  }
}

/** How far apart a pixel's channels are, and two pixels of a channel. */
function stridesOf(length: number, layout: Layout): { distance: number; step: number } {
  return layout === "planar"
    ? { distance: length / CHANNELS, step: 1 }
    : { distance: 1, step: CHANNELS };
}

/** The number for each of the 256 samples, for R, G and B: one lookup instead of arithmetic. */
function tables(scale: InputSpec["scale"]): [Float32Array, Float32Array, Float32Array] {
  const table = (channel: 0 | 1 | 2): Float32Array =>
    Float32Array.from({ length: 256 }, (_, x) => scaled(x, channel, scale));
  return [table(0), table(1), table(2)];
}

/** The formula of `preprocess` for one sample. */
function scaled(x: number, channel: 0 | 1 | 2, scale: InputSpec["scale"]): number {
  if (scale === "minus1to1") return x / 127.5 - 1;
  if (scale === "0to1") return x / 255;
  if (scale === "0to255") return x;
  if (scale === "caffe") return x - CAFFE_MEANS[channel];
  return (x / 255 - scale.mean[channel]) / scale.std[channel];
}
