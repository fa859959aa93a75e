/**
 * A photo's bytes become the samples that a model's input asks for.
 *
 * Owns sharp and its settings, which libvips holds for the whole process: this module alone loads
 * images in a worker. Never makes a model's numbers of the samples.
 * Invariant: bytes from outside reach five decoders and no other, whatever they pretend to be.
 *
 * @module
 */
import sharp, { type KernelEnum, type Sharp } from "sharp";
import type { Fault } from "../../shared/errors.ts";
import { type MediaType, mediaType } from "../../shared/media_type.ts";
import type { InputSpec } from "../models/config.ts";

/** libvips' names of the decoders in use: JPEG, PNG, WebP, GIF, AVIF, from memory alone. */
const LOADERS = [
  "VipsForeignLoadJpegBuffer",
  "VipsForeignLoadPngBuffer",
  "VipsForeignLoadWebpBuffer",
  "VipsForeignLoadNsgifBuffer",
  "VipsForeignLoadHeifBuffer",
];

sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: LOADERS });
// No photo comes twice: a cache would only hold memory.
sharp.cache(false);
// Photos are decoded side by side; to share out one of them costs 7 % more of the processor.
sharp.concurrency(1);

/** libvips' names of the kernels. Reducing, each widens with the factor, as Pillow's do. */
const KERNELS: Readonly<Record<InputSpec["kernel"], keyof KernelEnum>> = {
  nearest: "nearest",
  bilinear: "linear",
  bicubic: "cubic",
  lanczos3: "lanczos3",
};

/**
 * An image at the size of a model's input, `height × width × 3`: eight-bit samples in the order R,
 * G, B, or the numbers that the network takes.
 */
export type Pixels = Uint8Array | Float32Array;

/** An image's pixels, or why there are none. */
export type Decoded<P extends Pixels = Pixels> =
  | { readonly ok: true; readonly pixels: P }
  | ({ readonly ok: false } & Fault);

/**
 * Decodes a photo and fits it to a model's input.
 *
 * What comes out is eight-bit sRGB, the right way up by its EXIF orientation, its colour profile
 * applied; of an animation, the first frame. Transparency shows white, as a page would: Keras and
 * torchvision show the colour that is stored under it instead, mostly an editor's left-over.
 * `contain` pads with black, `cover` keeps the middle.
 *
 * @param bytes the file
 * @param spec size, fit and kernel are used here, the rest by `preprocess`
 * @param options `pixelsMax`: greatest width times height of the file
 * @returns the samples or the fault: `unsupported_media_type`, `payload_too_large` (pixels), or
 * `undecodable_image` where the file is cut short or damaged
 *
 * @example
 * ```ts
 * import { decodeImage } from "./decode.ts";
 *
 * const text = new TextEncoder().encode("no photo");
 * await decodeImage(text, {
 *   width: 224, height: 224, fit: "fill", kernel: "bilinear", channels: "rgb", scale: "0to1",
 * }, { pixelsMax: 50_000_000 }); // code is "unsupported_media_type"
 * ```
 */
export async function decodeImage(
  bytes: Uint8Array,
  spec: InputSpec,
  options: { readonly pixelsMax: number },
): Promise<Decoded<Uint8Array>> {
  const type = mediaType(bytes);
  if (type === undefined) {
    return refused("unsupported_media_type", "not JPEG, PNG, WebP, GIF or AVIF");
  }
  const { pixelsMax } = options;
  const pipeline = pipelineOf(bytes, type, spec, pixelsMax);
  try {
    const samples = await pipeline.toBuffer();
    return { ok: true, pixels: new Uint8Array(samples.buffer, samples.byteOffset, samples.length) };
  } catch {
    // The error has no code, and its text is libvips' own: what is wrong is asked of the header.
    return await isLarger(bytes, pixelsMax)
      ? refused("payload_too_large", `at most ${pixelsMax} pixels are accepted`)
      : refused("undecodable_image", `the ${type} data is incomplete or damaged`);
  }
}

function pipelineOf(
  bytes: Uint8Array,
  type: MediaType,
  spec: InputSpec,
  pixelsMax: number,
): Sharp {
  const { width, height, fit } = spec;
  const image = sharp(bytes, {
    autoOrient: true,
    // What is cut short is refused, and damage that the format's checks find. "warning" would find
    // some more in JPEG, but refuse phones' photos that every viewer opens (their SOS parameters).
    failOn: "error",
    limitInputPixels: pixelsMax,
    pages: 1,
  });
  // Sixteen bits a sample go through the colour space of displays (P3) and are not brought back
  // from it; made eight at once, they don't. JPEG and WebP have eight, and would lose the quick
  // decoding of large photos.
  if (type === "image/png" || type === "image/avif") image.pipelineColourspace("srgb");
  return image
    .flatten({ background: "white" })
    // Reducing inside the decoder saves a fifth of the time for JPEG, half for WebP; with it, large
    // photos differ from Pillow's by 0.6 and 1.5 levels on average, without it by 0.4 and 0.6.
    .resize({ width, height, fit, kernel: KERNELS[spec.kernel], fastShrinkOnLoad: false })
    .toColourspace("srgb")
    .raw();
}

/** Says whether the header tells of more pixels than are taken in. */
async function isLarger(bytes: Uint8Array, pixelsMax: number): Promise<boolean> {
  try {
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
    return width * height > pixelsMax;
  } catch {
    return false;
  }
}

function refused(code: Fault["code"], state: string): Decoded<Uint8Array> {
  return { ok: false, code, detail: `decode image: ${state}` };
}
