/**
 * Sound images of every kind that is taken in: what mutations begin with.
 *
 * Owns sharp here. Never damages anything.
 *
 * @module
 */
import sharp, { type Sharp } from "sharp";

/** A kind of file, with its bytes. */
export interface Seed {
  /** For people: `png rgb16`. */
  readonly name: string;
  readonly type: "jpeg" | "png" | "webp" | "gif" | "avif";
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const WIDTH = 40;
const HEIGHT = 24;

/** A picture with something in it. */
function picture(): Sharp {
  const pixels = Uint8Array.from(
    { length: 3 * WIDTH * HEIGHT },
    (_, i) => (i * i * 7 + 31 * i) % 251,
  );
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
}

const clear = () => picture().ensureAlpha(0.5);
const wide = () => picture().toColourspace("rgb16");

/** How each kind is made. */
const KINDS: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  "jpeg baseline": () => picture().jpeg().toBuffer(),
  "jpeg progressive": () => picture().jpeg({ progressive: true, quality: 90 }).toBuffer(),
  "jpeg 4:4:4": () => picture().jpeg({ chromaSubsampling: "4:4:4" }).toBuffer(),
  "jpeg grey": () => picture().greyscale().jpeg().toBuffer(),
  "jpeg cmyk": () => picture().toColourspace("cmyk").jpeg().toBuffer(),
  "jpeg turned": () => picture().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  "jpeg p3": () => picture().withIccProfile("p3").jpeg().toBuffer(),
  "png rgb": () => picture().png().toBuffer(),
  "png rgb16": () => wide().png().toBuffer(),
  "png palette": () => clear().png({ palette: true }).toBuffer(),
  "png interlaced": () => clear().png({ progressive: true }).toBuffer(),
  "png p3": () => picture().withIccProfile("p3").png().toBuffer(),
  "webp lossy": () => picture().webp().toBuffer(),
  "webp lossless": () => picture().webp({ lossless: true }).toBuffer(),
  "webp clear": () => clear().webp().toBuffer(),
  "webp moving": () => moving("webp"),
  "gif still": () => picture().gif().toBuffer(),
  "gif moving": () => moving("gif"),
  "avif of 8 bits": () => picture().avif({ effort: 0 }).toBuffer(),
  "avif of 10 bits": () => picture().avif({ effort: 0, bitdepth: 10 }).toBuffer(),
  "avif clear": () => clear().avif({ effort: 0 }).toBuffer(),
};

async function moving(format: "gif" | "webp"): Promise<Uint8Array> {
  const frames = await Promise.all(
    [picture(), picture().negate(), picture().flip()].map((frame) => frame.png().toBuffer()),
  );
  return await sharp(frames, { join: { animated: true } }).toFormat(format).toBuffer();
}

/** Makes one of every kind. */
export async function makeSeeds(): Promise<[Seed, ...Seed[]]> {
  const seeds = await Promise.all(
    Object.entries(KINDS).map(async ([name, make]): Promise<Seed> => ({
      name,
      type: name.slice(0, name.indexOf(" ")) as Seed["type"],
      bytes: new Uint8Array(await make()),
    })),
  );
  return seeds as [Seed, ...Seed[]];
}
