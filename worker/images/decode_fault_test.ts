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
      detail: "decode image: at most 1535 pixels are taken in",
    });
  }
});

Deno.test("decode: loaders of other formats and of files are closed to the process", async () => {
  const refused = { message: /unsupported image format/ };
  await assert.rejects(sharp(new TextEncoder().encode(SVG)).toBuffer(), refused);
  await assert.rejects(sharp(await quarters().tiff().toBuffer()).toBuffer(), refused);
  await assert.rejects(sharp(import.meta.filename!).toBuffer(), refused);
});
