import assert from "node:assert/strict";
import sharp, { type Sharp } from "sharp";
import { decodeImage } from "./decode.ts";
import { grainy, HEIGHT, QUARTERS, quarters, type Rgb, specOf, WIDTH } from "./testing/pictures.ts";

const OPTIONS = { pixelsMax: 50_000_000 };

function plain(colour: Rgb, alpha = 1): Sharp {
  const [r, g, b] = colour;
  const create = { width: WIDTH, height: HEIGHT, channels: 4, background: { r, g, b, alpha } };
  return alpha === 1
    ? sharp({ create: { ...create, channels: 3 } })
    : sharp({ create: { ...create, channels: 4 } });
}

async function pixelsOf(bytes: Uint8Array, spec = specOf()): Promise<Uint8Array> {
  const decoded = await decodeImage(bytes, spec, OPTIONS);
  assert.ok(decoded.ok, decoded.ok ? "" : decoded.detail);
  assert.equal(decoded.pixels.length, spec.width * spec.height * 3);
  return decoded.pixels;
}

/** Checks the colours at the middles of the four quarters. */
function assertQuarters(pixels: Uint8Array, expected: readonly Rgb[], within: number): void {
  const middles = [[1, 1], [3, 1], [1, 3], [3, 3]] as const;
  middles.forEach(([x, y], i) => {
    const at = 3 * (y * HEIGHT / 4 * WIDTH + x * WIDTH / 4);
    assertNear(pixels.subarray(at, at + 3), expected[i]!, within);
  });
}

function assertNear(actual: Uint8Array, expected: Rgb, within: number): void {
  const off = Math.max(...expected.map((value, c) => Math.abs(actual[c]! - value)));
  assert.ok(off <= within, `[${actual}] is not [${expected}]`);
}

const encodings: [name: string, file: Promise<Uint8Array>, within: number][] = [
  ["a baseline JPEG", quarters().jpeg({ quality: 95 }).toBuffer(), 6],
  ["a progressive JPEG", quarters().jpeg({ quality: 95, progressive: true }).toBuffer(), 6],
  ["a PNG", quarters().png().toBuffer(), 0],
  ["a PNG with a palette", quarters().png({ palette: true }).toBuffer(), 1],
  ["a PNG of 16 bits", quarters().toColourspace("rgb16").png().toBuffer(), 0],
  ["an opaque PNG with alpha", quarters().ensureAlpha(1).png().toBuffer(), 0],
  ["a WebP", quarters().webp({ quality: 95 }).toBuffer(), 8],
  ["a lossless WebP", quarters().webp({ lossless: true }).toBuffer(), 0],
  ["a GIF", quarters().gif().toBuffer(), 2],
  ["an AVIF", quarters().avif({ quality: 95 }).toBuffer(), 6],
];

for (const [name, file, within] of encodings) {
  Deno.test(`decode: ${name} keeps its colours in their places`, async () => {
    assertQuarters(await pixelsOf(await file), QUARTERS, within);
  });
}

const orange: Rgb = [255, 128, 40];
const GREY: Rgb = [154, 154, 154];

const colours: [name: string, file: Promise<Uint8Array>, expected: Rgb, within: number][] = [
  ["a clear PNG shows white", plain([0, 0, 0], 0).png().toBuffer(), [255, 255, 255], 0],
  ["a half clear PNG is mixed with white", plain(orange, 0.5).png().toBuffer(), [255, 191, 147], 2],
  [
    "a half clear WebP is mixed with white",
    plain(orange, 0.5).webp().toBuffer(),
    [255, 191, 147],
    4,
  ],
  ["a half clear PNG of 16 bits, too", rgba16(orange), [255, 191, 147], 2],
  ["a greyscale JPEG has three equal channels", plain(GREY).greyscale().jpeg().toBuffer(), GREY, 2],
  ["a greyscale PNG, too", plain(GREY).toColourspace("b-w").png().toBuffer(), GREY, 0],
  [
    "a greyscale PNG of 16 bits, too",
    plain(GREY).toColourspace("grey16").png().toBuffer(),
    GREY,
    1,
  ],
  ["a CMYK JPEG is seen as printed", cmyk(), [224, 40, 26], 4],
  ["a profile of wide colours is applied", profiled("srgb"), orange, 2],
  ["a profile of wide colours is applied to 16 bits", profiled("rgb16"), orange, 3],
];

function rgba16(colour: Rgb): Promise<Uint8Array> {
  return plain(colour, 0.5).toColourspace("rgb16").png().toBuffer();
}

/** Pure inks as libvips' own profile prints this red. */
function cmyk(): Promise<Uint8Array> {
  return plain([255, 40, 20]).toColourspace("cmyk").withIccProfile("cmyk").jpeg().toBuffer();
}

/** Display P3 holds other samples for the same orange: unapplied, it would be [235, 135, 67]. */
function profiled(space: string): Promise<Uint8Array> {
  return plain(orange).toColourspace(space).withIccProfile("p3").png().toBuffer();
}

for (const [name, file, expected, within] of colours) {
  Deno.test(`decode: ${name}`, async () => {
    assertNear(await pixelsOf(await file), expected, within);
  });
}

// Which stored quarter is shown top left, top right, bottom left, bottom right (EXIF 2.32, tag 274).
const orientations: [orientation: number, shown: readonly number[]][] = [
  [1, [0, 1, 2, 3]],
  [2, [1, 0, 3, 2]],
  [3, [3, 2, 1, 0]],
  [4, [2, 3, 0, 1]],
  [5, [0, 2, 1, 3]],
  [6, [2, 0, 3, 1]],
  [7, [3, 1, 2, 0]],
  [8, [1, 3, 0, 2]],
];

for (const [orientation, shown] of orientations) {
  Deno.test(`decode: EXIF orientation ${orientation} is stood upright`, async () => {
    const turned = orientation > 4;
    const stored = turned ? quarters(HEIGHT, WIDTH) : quarters();
    const file = await stored.withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
    const expected = shown.map((quarter) => QUARTERS[quarter]!);
    assertQuarters(await pixelsOf(file), expected, 6);
  });
}

Deno.test("decode: of an animation the first frame is taken", async () => {
  const frames = await Promise.all(
    QUARTERS.slice(0, 3).map((colour) => plain(colour).png().toBuffer()),
  );
  for (const format of ["gif", "webp"] as const) {
    const file = await sharp(frames, { join: { animated: true } }).toFormat(format).toBuffer();
    assert.equal((await sharp(file).metadata()).pages, 3);
    assertNear(await pixelsOf(file), QUARTERS[0]!, 6);
  }
});

Deno.test("decode: fill stretches, cover crops, contain pads with black", async () => {
  const file = await quarters(96, 32).png().toBuffer();
  const [topLeft, topRight] = QUARTERS as [Rgb, Rgb];
  const at = (pixels: Uint8Array, x: number, y: number): Uint8Array =>
    pixels.subarray(3 * (y * 32 + x), 3 * (y * 32 + x) + 3);
  const size = { width: 32, height: 32 };
  const fill = await pixelsOf(file, specOf({ ...size, fit: "fill" }));
  assertNear(at(fill, 2, 2), topLeft, 0);
  assertNear(at(fill, 29, 2), topRight, 0);
  const cover = await pixelsOf(file, specOf({ ...size, fit: "cover" }));
  assertNear(at(cover, 2, 2), topLeft, 0);
  assertNear(at(cover, 29, 2), topRight, 0);
  const contain = await pixelsOf(file, specOf({ ...size, fit: "contain" }));
  assertNear(at(contain, 2, 2), [0, 0, 0], 0);
  assertNear(at(contain, 2, 29), [0, 0, 0], 0);
  assertNear(at(contain, 2, 13), topLeft, 1);
});

Deno.test("decode: kernels differ where a picture is reduced", async () => {
  const file = await grainy().png().toBuffer();
  const kernels = ["nearest", "bilinear", "bicubic", "lanczos3"] as const;
  const pictures = await Promise.all(kernels.map((kernel) => pixelsOf(file, specOf({ kernel }))));
  assert.equal(new Set(pictures.map(String)).size, kernels.length);
});

Deno.test("decode: the nearest kernel invents no colours", async () => {
  const file = await quarters(4, 4).png().toBuffer();
  const pixels = await pixelsOf(file, specOf({ kernel: "nearest" }));
  const colours = new Set<string>();
  for (let i = 0; i < pixels.length; i += 3) colours.add(String(pixels.subarray(i, i + 3)));
  assert.deepEqual(colours, new Set(QUARTERS.map(String)));
});

Deno.test("decode: what is reduced does not depend on the format it came in", async () => {
  const file = await grainy().png().toBuffer();
  const webp = await sharp(file).webp({ lossless: true }).toBuffer();
  assert.deepEqual(await pixelsOf(webp), await pixelsOf(file));
});

Deno.test("decode: a JPEG whose scan parameters are wrong opens, as in every viewer", async () => {
  const file = Uint8Array.from(await quarters().jpeg({ quality: 95 }).toBuffer());
  const scan = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xda);
  // Ss and Se of a sequential scan are 0 and 63 (ITU-T T.81, B.2.3); some phones write 0 and 0.
  assert.equal(file[scan + 12], 63);
  file[scan + 12] = 0;
  assertQuarters(await pixelsOf(file), QUARTERS, 6);
});
