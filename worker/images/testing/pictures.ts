/**
 * Pictures and inputs for the tests of this folder, made as they run.
 *
 * @module
 */
import sharp, { type Sharp } from "sharp";
import type { InputSpec } from "../../models/config.ts";

/** Size of the stored pictures, in pixels. */
export const WIDTH = 48;
export const HEIGHT = 32;

/** A model's input, by default of the stored pictures' own size, so that nothing is resampled. */
export function specOf(over: Partial<InputSpec> = {}): InputSpec {
  const defaults: InputSpec = {
    width: WIDTH,
    height: HEIGHT,
    fit: "fill",
    kernel: "bilinear",
    channels: "rgb",
    scale: "0to1",
  };
  return { ...defaults, ...over };
}

/** A colour: eight-bit samples. */
export type Rgb = readonly [number, number, number];

/** Colours of the quarters: top left, top right, bottom left, bottom right. */
export const QUARTERS: readonly Rgb[] = [[200, 30, 40], [30, 180, 60], [40, 50, 210], [
  230,
  220,
  90,
]];

/** A picture of four quarters: which way up it stands can be told. */
export function quarters(width = WIDTH, height = HEIGHT): Sharp {
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const right = i % width >= width / 2 ? 1 : 0;
    const bottom = i >= width * height / 2 ? 2 : 0;
    pixels.set(QUARTERS[right + bottom]!, 3 * i);
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** A picture with enough in it that cutting or changing its file hits the pixels. */
export function grainy(): Sharp {
  const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
  return sharp({ create: { width: 200, height: 150, channels: 3, background: "grey", noise } });
}
