import assert from "node:assert/strict";
import sharp, { type Sharp } from "sharp";
import { png, pngChunk } from "../../shared/testing/png.ts";
import { decodeImage } from "./decode.ts";
import { flatJpeg } from "./testing/jpeg.ts";
import { QUARTERS, type Rgb, specOf } from "./testing/pictures.ts";
import { blackFirstProfile, linearGreyProfile, swappedProfile } from "./testing/profile.ts";

const WIDTH = 75;
const HEIGHT = 69;

/** Where all blocks are of one quarter, however coarse the subsampling. */
const MIDDLES = [[8, 8], [68, 8], [8, 66], [68, 66]] as const;

async function pixelsOf(file: Uint8Array, width = WIDTH, height = HEIGHT): Promise<Uint8Array> {
  const decoded = await decodeImage(file, specOf({ width, height }), { pixelsMax: 1_000_000 });
  assert.ok(decoded.ok, decoded.ok ? "" : decoded.detail);
  return decoded.pixels;
}

function assertNear(actual: Uint8Array, expected: Rgb, within: number): void {
  const off = Math.max(...expected.map((value, c) => Math.abs(actual[c]! - value)));
  assert.ok(off <= within, `[${actual}] is not [${expected}]`);
}

async function assertQuarters(
  file: Uint8Array,
  expected: readonly Rgb[],
  within: number,
): Promise<void> {
  const pixels = await pixelsOf(file);
  MIDDLES.forEach(([x, y], i) => {
    const at = 3 * (y * WIDTH + x);
    assertNear(pixels.subarray(at, at + 3), expected[i]!, within);
  });
}

/** The colour of a pixel; the quarters meet on a border of the largest blocks. */
function colourAt(x: number, y: number): Rgb {
  return QUARTERS[(x >= 64 ? 1 : 0) + (y >= 64 ? 2 : 0)]!;
}

/** Y, Cb and Cr of a colour (ITU-T T.871). */
function ycc([r, g, b]: Rgb): [number, number, number] {
  return [
    0.299 * r + 0.587 * g + 0.114 * b,
    128 - 0.168736 * r - 0.331264 * g + 0.5 * b,
    128 + 0.5 * r - 0.418688 * g - 0.081312 * b,
  ];
}

/** Samples of the picture in Y, Cb, Cr. */
function yccAt(component: number, x: number, y: number): number {
  return ycc(colourAt(x, y))[component]!;
}

const FULL = [[1, 1], [1, 1], [1, 1]] as const;
const size = { width: WIDTH, height: HEIGHT };

const subsamplings: [name: string, luma: readonly [number, number]][] = [
  ["4:4:4", [1, 1]],
  ["4:2:2", [2, 1]],
  ["4:4:0", [1, 2]],
  ["4:2:0", [2, 2]],
  ["4:1:1", [4, 1]],
  ["4:1:0", [4, 2]],
  ["of four rows", [1, 4]],
];
for (const [name, luma] of subsamplings) {
  Deno.test(`colour: a JPEG ${name} of odd size keeps its colours in their places`, async () => {
    const factors = [luma, [1, 1], [1, 1]] as const;
    await assertQuarters(flatJpeg({ ...size, factors, sample: yccAt }), QUARTERS, 2);
  });
}

Deno.test("colour: a JPEG that is stored as RGB, or as grey, is seen as such", async () => {
  const sample = (c: number, x: number, y: number): number => colourAt(x, y)[c]!;
  await assertQuarters(flatJpeg({ ...size, factors: FULL, adobe: 0, sample }), QUARTERS, 1);
  const grey = flatJpeg({ ...size, factors: [[1, 1]], sample: (_, x) => x < 64 ? 200 : 60 });
  const [light, dark]: Rgb[] = [[200, 200, 200], [60, 60, 60]];
  await assertQuarters(grey, [light!, dark!, light!, dark!], 1);
});

// Much cyan, little magenta, some yellow, hardly any black.
const INKS = [200, 30, 90, 10] as const;
const PRINTED: Rgb = [0, 145, 152];
const FOUR = [[1, 1], [1, 1], [1, 1], [1, 1]] as const;

// Adobe stores inks inverted, and everybody reads them so, marker or not.
const inked: [name: string, adobe: 0 | 2 | undefined, samples: readonly number[]][] = [
  ["CMYK", 0, INKS.map((ink) => 255 - ink)],
  ["CMYK without Adobe's marker", undefined, INKS.map((ink) => 255 - ink)],
  ["YCCK", 2, [...ycc([INKS[0], INKS[1], INKS[2]]), 255 - INKS[3]]],
];
for (const [name, adobe, samples] of inked) {
  Deno.test(`colour: a JPEG in ${name} is seen as printed`, async () => {
    const sample = (c: number): number => samples[c]!;
    const marker = adobe === undefined ? {} : { adobe };
    const file = flatJpeg({ ...size, factors: FOUR, ...marker, sample });
    await assertQuarters(file, Array<Rgb>(4).fill(PRINTED), 3);
  });
}

Deno.test("colour: the profile of a CMYK JPEG says what its inks are", async () => {
  const profile = blackFirstProfile();
  // The first ink on the right alone, the others everywhere.
  const sample = (c: number, x: number): number => c > 0 ? 128 : x < 64 ? 255 : 0;
  const file = flatJpeg({ ...size, factors: FOUR, adobe: 0, profile, sample });
  const [white, black]: Rgb[] = [[255, 255, 255], [0, 0, 0]];
  await assertQuarters(file, [white!, black!, white!, black!], 1);
});

/** What the quarters are by the profile that swaps channels: [r, g, b] means [b, r, g]. */
const SWAPPED = QUARTERS.map(([r, g, b]): Rgb => [b, r, g]);

Deno.test("colour: a profile that swaps channels is applied", async () => {
  const profile = swappedProfile();
  const jpeg = flatJpeg({ ...size, factors: FULL, profile, sample: yccAt });
  // Gamma 2.2 is nearly sRGB's curve, but for dark samples.
  await assertQuarters(jpeg, SWAPPED, 8);
});

/** The picture of quarters that meet where those of `colourAt` do. */
function picture(): Sharp {
  const pixels = new Uint8Array(3 * WIDTH * HEIGHT);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    pixels.set(colourAt(i % WIDTH, Math.floor(i / WIDTH)), 3 * i);
  }
  return sharp(pixels, { raw: { ...size, channels: 3 } });
}

/** Encodes the picture in a colour space that holds other samples for the same colours. */
async function profiled(
  format: "jpeg" | "png" | "webp" | "avif",
  profile: string,
  bits: 8 | 10 | 16,
): Promise<Uint8Array> {
  const space = bits === 8 ? "srgb" : "rgb16";
  const depth = bits === 10 ? { bitdepth: bits } as const : {};
  return await picture().toColourspace(space).withIccProfile(profile)
    .toFormat(format, { quality: 95, ...depth }).toBuffer();
}

const profiledFiles = [
  ["jpeg", 8],
  ["png", 8],
  ["png", 16],
  ["webp", 8],
  ["avif", 8],
  ["avif", 10],
] as const;
for (const [format, bits] of profiledFiles) {
  Deno.test(`colour: profiles in ${format} of ${bits} bits are converted to sRGB`, async () => {
    const file = await Deno.makeTempFile();
    await Deno.writeFile(file, swappedProfile());
    for (const profile of ["p3", file]) {
      await assertQuarters(await profiled(format, profile, bits), QUARTERS, 5);
    }
    await Deno.remove(file);
  });
}

Deno.test("colour: the curve of a grey profile is applied", async () => {
  const profile = linearGreyProfile();
  const file = flatJpeg({ ...size, factors: [[1, 1]], profile, sample: () => 128 });
  // Half the light is 188 in sRGB.
  await assertQuarters(file, Array<Rgb>(4).fill([188, 188, 188]), 1);
});

Deno.test("colour: a profile that is of another space, or damaged, is ignored", async () => {
  for (const profile of [blackFirstProfile(), swappedProfile().subarray(0, 150)]) {
    await assertQuarters(
      flatJpeg({ ...size, factors: FULL, profile, sample: yccAt }),
      QUARTERS,
      2,
    );
  }
  const profile = swappedProfile();
  const grey = flatJpeg({ ...size, factors: [[1, 1]], profile, sample: () => 128 });
  await assertQuarters(grey, Array<Rgb>(4).fill([128, 128, 128]), 1);
});

Deno.test("colour: AVIF of 10 and 12 bits has the colours of 8", async () => {
  for (const bitdepth of [10, 12] as const) {
    const file = await picture().avif({ quality: 95, bitdepth }).toBuffer();
    assert.equal((await sharp(file).metadata()).depth, "ushort");
    await assertQuarters(file, QUARTERS, 3);
  }
});

Deno.test("colour: odd sizes keep their last row and column in every format", async () => {
  const colour: Rgb = [40, 160, 220];
  const background = { r: colour[0], g: colour[1], b: colour[2] };
  for (const format of ["jpeg", "png", "webp", "gif", "avif"] as const) {
    for (const [width, height] of [[1, 1], [3, 5], [17, 9]] as const) {
      const create = { width, height, channels: 3, background } as const;
      const file = await sharp({ create }).toFormat(format, { quality: 95 }).toBuffer();
      const pixels = await pixelsOf(file, width, height);
      for (let at = 0; at < pixels.length; at += 3) {
        assertNear(pixels.subarray(at, at + 3), colour, 8);
      }
    }
  }
});

const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
const palette = pngChunk("PLTE", Uint8Array.of(200, 30, 40, 30, 180, 60, 40, 50, 210, 9, 9, 9));

// Rows of PNGs of 4 x 1 pixels, behind the filter's number; what the four pixels show.
const pngs: [name: string, file: Uint8Array, pixels: readonly Rgb[]][] = [
  ["of one bit", png4(1, 0, [0b1010_0000]), [WHITE, BLACK, WHITE, BLACK]],
  [
    "of two bits",
    png4(2, 0, [0b0001_1011]),
    [BLACK, [85, 85, 85], [170, 170, 170], WHITE],
  ],
  [
    "of 16 bits of grey",
    png4(16, 0, [0, 0, 0x55, 0x55, 0xaa, 0xaa, 0xff, 0xff]),
    [BLACK, [85, 85, 85], [170, 170, 170], WHITE],
  ],
  [
    "of 16 bits of grey with alpha",
    png4(16, 4, [0, 0, 0xff, 0xff, 0, 0, 0, 0, 0x55, 0x55, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    [BLACK, WHITE, [85, 85, 85], WHITE],
  ],
  [
    "with a palette of two bits",
    png4(2, 3, [0b0001_1011], [palette]),
    [QUARTERS[0]!, QUARTERS[1]!, QUARTERS[2]!, [9, 9, 9]],
  ],
  [
    "with a palette of which one colour is clear and one half clear",
    png4(2, 3, [0b0001_1011], [palette, pngChunk("tRNS", Uint8Array.of(255, 0, 128))]),
    [QUARTERS[0]!, WHITE, [147, 152, 232], [9, 9, 9]],
  ],
  [
    "of one bit with a palette",
    png4(1, 3, [0b0110_0000], [palette]),
    [QUARTERS[0]!, QUARTERS[1]!, QUARTERS[1]!, QUARTERS[0]!],
  ],
  [
    "whose black is named as clear",
    png4(8, 0, [0, 85, 170, 0], [pngChunk("tRNS", Uint8Array.of(0, 0))]),
    [WHITE, [85, 85, 85], [170, 170, 170], WHITE],
  ],
];

function png4(
  depth: 1 | 2 | 8 | 16,
  colour: 0 | 3 | 4,
  row: readonly number[],
  chunks: readonly Uint8Array[] = [],
): Uint8Array {
  return png({ width: 4, height: 1, depth, colour, chunks, rows: Uint8Array.of(0, ...row) });
}

for (const [name, file, shown] of pngs) {
  Deno.test(`colour: a PNG ${name} is seen as every viewer shows it`, async () => {
    const pixels = await pixelsOf(file, 4, 1);
    shown.forEach((colour, i) => assertNear(pixels.subarray(3 * i, 3 * i + 3), colour, 1));
  });
}

Deno.test("colour: a first frame smaller than its canvas shows white around it", async () => {
  // A canvas of 4 x 1, whose only frame is its second pixel, red (GIF89a, W3C).
  const gif = Uint8Array.from([
    ...new TextEncoder().encode("GIF89a"),
    ...[4, 0, 1, 0, 0x80, 1, 0, 200, 30, 40, 0, 0, 0],
    ...[0x21, 0xf9, 4, 1, 0, 0, 1, 0],
    ...[0x2c, 1, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0],
    0x3b,
  ]);
  const pixels = await pixelsOf(gif, 4, 1);
  [WHITE, QUARTERS[0]!, WHITE, WHITE].forEach((colour, i) =>
    assertNear(pixels.subarray(3 * i, 3 * i + 3), colour, 0)
  );
});
