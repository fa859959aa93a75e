import fc from "fast-check";
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { MEDIA_TYPES, type MediaType } from "../../shared/media_type.ts";
import { compressedText, png, pngChunk } from "../../shared/testing/png.ts";
import { checkImage, PNG_METADATA_BYTES_MAX } from "./header.ts";

const WIDTH = 37;
const HEIGHT = 23;
const ENOUGH = { pixelsMax: WIDTH * HEIGHT };

const picture = sharp({
  create: { width: WIDTH, height: HEIGHT, channels: 3, background: "teal" },
});

const files: Readonly<Record<MediaType, Uint8Array>> = {
  "image/jpeg": await picture.clone().jpeg().toBuffer(),
  "image/png": await picture.clone().png().toBuffer(),
  "image/webp": await picture.clone().webp().toBuffer(),
  "image/gif": await picture.clone().gif().toBuffer(),
  "image/avif": await picture.clone().avif().toBuffer(),
};

/** Bytes that tell the type, and no size yet; an AVIF's signature is its whole first box. */
const SIGNATURE_BYTES: Readonly<Record<MediaType, number>> = {
  "image/jpeg": 4,
  "image/png": 16,
  "image/webp": 16,
  "image/gif": 8,
  "image/avif": 32,
};

/** A PNG's signature and header chunk alone: RGB, eight bits. */
function pngHeader(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, 13);
  bytes.set(new TextEncoder().encode("IHDR"), 12);
  view.setUint32(16, width);
  view.setUint32(20, height);
  bytes.set([8, 2, 0, 0, 0], 24);
  view.setUint32(29, crc32(bytes.subarray(12, 29)));
  return bytes;
}

for (const type of MEDIA_TYPES) {
  Deno.test(`header: ${type} has its size read`, () => {
    const checked = checkImage(files[type], ENOUGH);
    assert.deepEqual(checked, { ok: true, mediaType: type, width: WIDTH, height: HEIGHT });
  });

  Deno.test(`header: ${type} with one pixel too many is too large`, () => {
    const checked = checkImage(files[type], { pixelsMax: WIDTH * HEIGHT - 1 });
    assert.equal(!checked.ok && checked.code, "payload_too_large");
  });

  Deno.test(`header: ${type} cut behind its signature is undecodable`, () => {
    // The rest of the file lies behind the view, as the next part of a form does: it must not count.
    const bytes = files[type].subarray(0, SIGNATURE_BYTES[type]);
    const checked = checkImage(bytes, ENOUGH);
    assert.equal(!checked.ok && checked.code, "undecodable_image");
  });
}

const webps: [name: string, file: Promise<Uint8Array>][] = [
  ["lossless", picture.clone().webp({ lossless: true }).toBuffer()],
  ["with alpha", picture.clone().ensureAlpha(0.5).webp().toBuffer()],
];
for (const [name, file] of webps) {
  Deno.test(`header: a WebP ${name} has its size read`, async () => {
    const checked = checkImage(await file, ENOUGH);
    assert.deepEqual(checked, { ok: true, mediaType: "image/webp", width: WIDTH, height: HEIGHT });
  });
}

Deno.test("header: a progressive JPEG behind long metadata has its size read", async () => {
  const jpeg = await picture.clone().jpeg({ progressive: true }).toBuffer();
  const segment = new Uint8Array(2 + 65_535).fill(0xff);
  segment.set([0xff, 0xef, 0xff, 0xff]);
  const metadata = Array.from({ length: 40 }, () => segment);
  const file = await new Blob([jpeg.subarray(0, 2), ...metadata, jpeg.subarray(2)]).bytes();
  const checked = checkImage(file, ENOUGH);
  assert.deepEqual(checked, { ok: true, mediaType: "image/jpeg", width: WIDTH, height: HEIGHT });
});

Deno.test("header: fill bytes and garbage between a JPEG's segments are passed over", () => {
  const jpeg = files["image/jpeg"];
  const file = new Uint8Array([0xff, 0xd8, 0xff, 0xff, 0, 7, 7, ...jpeg.subarray(2)]);
  assert.equal(checkImage(file, ENOUGH).ok, true);
});

Deno.test("header: an AVIF's size is its largest picture's, whatever stands first", () => {
  const box = (name: string, ...content: Uint8Array[]): Uint8Array => {
    const size = content.reduce((sum, { length }) => sum + length, 8);
    const head = new Uint8Array(8);
    new DataView(head.buffer).setUint32(0, size);
    head.set(new TextEncoder().encode(name), 4);
    return new Uint8Array([...head, ...content.flatMap((part) => [...part])]);
  };
  const size = (width: number, height: number): Uint8Array => {
    const fields = new DataView(new ArrayBuffer(12));
    fields.setUint32(4, width);
    fields.setUint32(8, height);
    return box("ispe", new Uint8Array(fields.buffer));
  };
  const properties = box("ipco", size(64, 64), size(9000, 8000), size(64, 64));
  const file = new Uint8Array([
    ...box("ftyp", new TextEncoder().encode("mif1\0\0\0\0mif1avif")),
    ...box("meta", new Uint8Array(4), box("iprp", properties)),
  ]);
  assert.deepEqual(checkImage(file, { pixelsMax: 72_000_000 }), {
    ok: true,
    mediaType: "image/avif",
    width: 9000,
    height: 8000,
  });
});

Deno.test("header: an empty body is an invalid request", () => {
  assert.deepEqual(checkImage(new Uint8Array(), ENOUGH), {
    ok: false,
    code: "invalid_request",
    detail: "read image: the body is empty",
  });
});

Deno.test("header: a text file is no image, whatever its name was", () => {
  assert.deepEqual(checkImage(new TextEncoder().encode("not a photo"), ENOUGH), {
    ok: false,
    code: "unsupported_media_type",
    detail: "read image: not JPEG, PNG, WebP, GIF or AVIF",
  });
});

Deno.test("header: a PNG that claims 60,000 x 60,000 pixels is too large", () => {
  assert.deepEqual(checkImage(pngHeader(60_000, 60_000), { pixelsMax: 50_000_000 }), {
    ok: false,
    code: "payload_too_large",
    detail: "read image: 60000 x 60000 pixels, at most 50000000 pixels are accepted",
  });
});

Deno.test("header: a picture without width is undecodable", () => {
  assert.deepEqual(checkImage(pngHeader(0, 10), ENOUGH), {
    ok: false,
    code: "undecodable_image",
    detail: "read image: the image/png header is damaged",
  });
});

Deno.test("header: damaged and cut files always get a verdict", () => {
  const damage = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...MEDIA_TYPES),
      damage,
      fc.option(fc.nat(400)),
      (type, changes, length) => {
        const bytes = Uint8Array.from(files[type].subarray(0, length ?? undefined));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const checked = checkImage(bytes, ENOUGH);
        if (!checked.ok) return assert.match(checked.detail, /^read image: /);
        assert.ok(checked.width * checked.height <= ENOUGH.pixelsMax);
        assert.ok(checked.width > 0 && checked.height > 0);
      },
    ),
    { numRuns: 5_000 },
  );
});

Deno.test("header: files made to be slow to search are refused, not searched for ever", () => {
  // 10 MB each; a search that is quadratic in these would not end within hours.
  const sizeBoxes = new Uint8Array(10_000_000);
  const view = new DataView(sizeBoxes.buffer);
  const box = (at: number, size: number, name: string): void => {
    view.setUint32(at, size);
    sizeBoxes.set(new TextEncoder().encode(name), at + 4);
  };
  box(0, 16, "ftypavif");
  box(16, sizeBoxes.length - 16, "meta");
  box(28, sizeBoxes.length - 28, "iprp");
  box(36, sizeBoxes.length - 36, "ipco");
  for (let at = 44; at + 20 <= sizeBoxes.length; at += 20) box(at, 20, "ispe");

  const zeros = new Uint8Array(10_000_000);
  zeros.set([0xff, 0xd8, 0xff, 0xe0]);
  const fill = new Uint8Array(10_000_000).fill(0xff);
  fill.set([0xff, 0xd8, 0xff]);
  for (const bytes of [sizeBoxes, zeros, fill]) {
    const checked = checkImage(bytes, ENOUGH);
    assert.equal(!checked.ok && checked.code, "undecodable_image");
  }
});

Deno.test("header: a PNG's compressed metadata is bounded, however it is shared out", () => {
  const verdict = (...chunks: Uint8Array[]): string => {
    const picture = { width: 1, height: 1, depth: 8, colour: 2 } as const;
    const checked = checkImage(png({ ...picture, chunks }), ENOUGH);
    return checked.ok ? "ok" : checked.detail;
  };
  const refusal = "read image: at most 1048576 bytes of metadata are accepted";
  for (const name of ["zTXt", "iTXt", "iCCP"]) {
    const half = PNG_METADATA_BYTES_MAX / 2;
    const [first, second] = [half, half].map((bytes) => pngChunk(name, new Uint8Array(bytes)));
    assert.equal(verdict(first!, second!), "ok");
    assert.equal(verdict(first!, second!, pngChunk(name, new Uint8Array(1))), refusal);
  }
  // What is not compressed costs no more than it brings.
  assert.equal(verdict(pngChunk("eXIf", new Uint8Array(2 * PNG_METADATA_BYTES_MAX))), "ok");
  // 900 MB of text in 900 kB.
  const bomb = compressedText(45_000_000);
  assert.equal(verdict(...Array<Uint8Array>(20).fill(bomb)), "ok");
  assert.equal(verdict(...Array<Uint8Array>(40).fill(bomb)), refusal);
});
