import assert from "node:assert/strict";
import sharp from "sharp";
import { png } from "../../shared/testing/png.ts";
import { decodeImage } from "./decode.ts";
import { grainy, HEIGHT, quarters, specOf, WIDTH } from "./testing/pictures.ts";

const OPTIONS = { pixelsMax: 50_000_000 };

/** A PNG that claims a size its data, none, does not have. */
function claimingPng(width: number, height: number): Uint8Array {
  return png({ width, height, depth: 8, colour: 2 });
}

/** Half of a file. */
async function half(file: Promise<Uint8Array>): Promise<Uint8Array> {
  return (await file).subarray(0, (await file).length / 2);
}

/** A file with one byte changed in its middle. */
async function flipped(file: Promise<Uint8Array>): Promise<Uint8Array> {
  const bytes = Uint8Array.from(await file);
  bytes[bytes.length >> 1]! ^= 0xff;
  return bytes;
}

function text(content: string): Promise<Uint8Array> {
  return Promise.resolve(new TextEncoder().encode(content));
}

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9"/></svg>';

const refusals: [name: string, file: Promise<Uint8Array>, code: string][] = [
  ["no bytes at all", text(""), "unsupported_media_type"],
  ["a text file", text("x".repeat(1_000)), "unsupported_media_type"],
  ["an SVG", text(SVG), "unsupported_media_type"],
  ["a TIFF", quarters().tiff().toBuffer(), "unsupported_media_type"],
  ["a PDF", text("%PDF-1.7\n1 0 obj\n"), "unsupported_media_type"],
  ["a HEIC", text("\0\0\0\x18ftypheic\0\0\0\0mif1heic"), "unsupported_media_type"],
  ["a JPEG cut in half", half(grainy().jpeg().toBuffer()), "undecodable_image"],
  [
    "a progressive JPEG cut in half",
    half(grainy().jpeg({ progressive: true }).toBuffer()),
    "undecodable_image",
  ],
  ["a PNG cut in half", half(grainy().png().toBuffer()), "undecodable_image"],
  ["a WebP cut in half", half(grainy().webp().toBuffer()), "undecodable_image"],
  ["a GIF cut in half", half(grainy().gif().toBuffer()), "undecodable_image"],
  ["an AVIF cut in half", half(grainy().avif().toBuffer()), "undecodable_image"],
  ["a damaged PNG", flipped(grainy().png().toBuffer()), "undecodable_image"],
  ["a damaged AVIF", flipped(grainy().avif().toBuffer()), "undecodable_image"],
  ["a PNG signature alone", text("\x89PNG\r\n\x1a\n"), "unsupported_media_type"],
  ["a PNG without data", Promise.resolve(claimingPng(8, 8)), "undecodable_image"],
  [
    "a PNG that claims 60,000 x 60,000 pixels",
    Promise.resolve(claimingPng(60_000, 60_000)),
    "payload_too_large",
  ],
];

for (const [name, file, code] of refusals) {
  Deno.test(`decode: ${name} is refused as ${code}`, async () => {
    const decoded = await decodeImage(await file, specOf(), OPTIONS);
    assert.equal(!decoded.ok && decoded.code, code);
    assert.match(decoded.ok ? "" : decoded.detail, /^decode image: [a-zA-Z0-9/, ]+$/);
    assert.doesNotMatch(decoded.ok ? "" : decoded.detail, /vips|heif|buffer|sharp/i);
  });
}

Deno.test("decode: the bound on pixels is exact, for every format", async () => {
  for (const format of ["jpeg", "png", "webp", "gif", "avif"] as const) {
    const file = await quarters().toFormat(format).toBuffer();
    const within = await decodeImage(file, specOf(), { pixelsMax: WIDTH * HEIGHT });
    assert.equal(within.ok, true);
    const beyond = await decodeImage(file, specOf(), { pixelsMax: WIDTH * HEIGHT - 1 });
    assert.deepEqual(beyond, {
      ok: false,
      code: "payload_too_large",
      detail: "decode image: at most 1535 pixels are accepted",
    });
  }
});

/** Starts of formats that libvips, or what it may be built with, has loaders for. */
const OTHERS: [name: string, file: Promise<Uint8Array>][] = [
  ["SVG", text(SVG)],
  ["TIFF", quarters().tiff().toBuffer()],
  ["PDF", text("%PDF-1.7\n1 0 obj\n<< >>\nendobj\n")],
  ["HEIC", text("\0\0\0\x18ftypheic\0\0\0\0mif1heic")],
  ["BMP", text("BM\x46\0\0\0\0\0\0\0\x36\0\0\0")],
  ["PPM", text("P6 1 1 255\nabc")],
  ["Photoshop", text("8BPS\0\x01\0\0\0\0\0\0")],
  ["ImageMagick", text("id=ImageMagick version=1.0\n")],
  ["PostScript", text("%!PS-Adobe-3.0 EPSF-3.0\n")],
  ["JPEG 2000", text("\0\0\0\x0cjP  \r\n\x87\n")],
  ["JPEG XL", text("\0\0\0\x0cJXL \r\n\x87\n")],
  ["OpenEXR", text("v/1\x01\x02\0\0\0")],
];

for (const [name, file] of OTHERS) {
  Deno.test(`decode: ${name} finds no loader, though it be handed to sharp itself`, async () => {
    await assert.rejects(sharp(await file).toBuffer(), {
      message: /unsupported image format|input/,
    });
  });
}

Deno.test("decode: no loader opens a file, not even of a format that is taken in", async () => {
  const folder = await Deno.makeTempDir();
  for (const format of ["png", "jpeg", "webp", "gif", "avif", "tiff"] as const) {
    const file = `${folder}/a.${format}`;
    await Deno.writeFile(file, await quarters().toFormat(format).toBuffer());
    await assert.rejects(sharp(file).toBuffer(), { message: /unsupported image format/ });
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("decode: of 100,000 frames the first is decoded, the others only passed over", async () => {
  const head = [
    ...new TextEncoder().encode("GIF89a"),
    1,
    0,
    1,
    0,
    0x80,
    0,
    0,
    200,
    30,
    40,
    0,
    0,
    0,
  ];
  const frame = Uint8Array.of(0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0);
  const frames = Array<Uint8Array<ArrayBuffer>>(100_000).fill(frame);
  const file = await new Blob([Uint8Array.from(head), ...frames, ";"]).bytes();
  const decoded = await decodeImage(file, specOf({ width: 1, height: 1 }), { pixelsMax: 1 });
  assert.deepEqual(decoded, { ok: true, pixels: Uint8Array.of(200, 30, 40) });
});

Deno.test("decode: a frame larger than its canvas is bounded like the canvas", async () => {
  const screen = [
    ...new TextEncoder().encode("GIF89a"),
    1,
    0,
    1,
    0,
    0x80,
    0,
    0,
    200,
    30,
    40,
    0,
    0,
    0,
  ];
  const frame = [0x2c, 0, 0, 0, 0, 0x30, 0x75, 0x30, 0x75, 0, 2, 2, 0x44, 1, 0, 0x3b];
  const decoded = await decodeImage(Uint8Array.from([...screen, ...frame]), specOf(), OPTIONS);
  assert.equal(!decoded.ok && decoded.code, "payload_too_large");
});
