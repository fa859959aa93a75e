import fc from "fast-check";
import assert from "node:assert/strict";
import { type MediaType, mediaType } from "./media_type.ts";

/** One byte for each character. */
function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const known: [name: string, start: string, type: MediaType][] = [
  ["a JPEG with a JFIF segment", "\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg"],
  ["a JPEG with an Exif segment", "\xff\xd8\xff\xe1\0\x10Exif\0", "image/jpeg"],
  ["a PNG", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"],
  ["a lossy WebP", "RIFF\x24\0\0\0WEBPVP8 ", "image/webp"],
  ["an extended WebP", "RIFF\x24\0\0\0WEBPVP8X", "image/webp"],
  ["a GIF of 1987", "GIF87a\x01\0\x01\0", "image/gif"],
  ["a GIF of 1989", "GIF89a\x01\0\x01\0", "image/gif"],
  ["an AVIF image", "\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "image/avif"],
  ["an AVIF sequence", "\0\0\0\x18ftypavis\0\0\0\0avismsf1", "image/avif"],
  ["an AVIF under the brand of HEIF", "\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "image/avif"],
];

for (const [name, start, type] of known) {
  Deno.test(`media type: ${name} is ${type}`, () => {
    assert.equal(mediaType(bytes(start)), type);
  });
}

const unknown: [name: string, start: string][] = [
  ["nothing", ""],
  ["text", "a photo, honestly"],
  ["SVG", '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ["TIFF", "II*\0\x08\0\0\0"],
  ["PDF", "%PDF-1.7"],
  ["BMP", "BM\x46\0\0\0"],
  ["HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1heic"],
  ["MP4", "\0\0\0\x18ftypisom\0\0\0\0isomavc1"],
  ["an AVIF brand as a version", "\0\0\0\x18ftypheic" + "avif" + "mif1heic"],
  ["an AVIF brand behind the type box", "\0\0\0\x14ftypheic\0\0\0\0mif1avif"],
  ["a WAV", "RIFF\x24\0\0\0WAVEfmt "],
  ["a PNG signature cut short", "\x89PNG\r\n\x1a"],
  ["a PNG mangled by a text transfer", "\x89PNG\n\x1a\n\0\0\0\rIHDR"],
];

for (const [name, start] of unknown) {
  Deno.test(`media type: ${name} is not taken in`, () => {
    assert.equal(mediaType(bytes(start)), undefined);
  });
}

Deno.test("media type: the bytes before a view do not count", () => {
  const whole = bytes("....\0\0\0\x18ftypavif\0\0\0\0avifmif1");
  assert.equal(mediaType(whole.subarray(4)), "image/avif");
  assert.equal(mediaType(whole), undefined);
});

Deno.test("media type: what follows the signature does not change it", () => {
  fc.assert(
    fc.property(fc.constantFrom(...known), fc.uint8Array(), ([, start, type], rest) => {
      assert.equal(mediaType(new Uint8Array([...bytes(start), ...rest])), type);
    }),
  );
});
