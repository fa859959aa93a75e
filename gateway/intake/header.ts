/**
 * An image's type and size, judged before it is let in: from its header, never by decoding.
 *
 * Owns the verdict on one upload. Never decodes and loads no native code; what a header conceals,
 * the worker's decoder finds out under the same bounds.
 * Invariant: any bytes at all get a verdict, in time linear in their length.
 *
 * @module
 */
import { GIF } from "image-size/types/gif";
import { HEIF } from "image-size/types/heif";
import { PNG } from "image-size/types/png";
import { WEBP } from "image-size/types/webp";
import type { Fault } from "../../shared/errors.ts";
import { type MediaType, mediaType } from "../../shared/media_type.ts";

/** What image-size sees of a file: bounds its search of an AVIF, quadratic in what it is given. */
const HEADER_BYTES_MAX = 65_536;

/**
 * Bytes of a PNG's compressed metadata: the decoder inflates all of it, a thousandfold at worst,
 * which is a second for these. Colour profiles have some kilobytes, at most 2 MB where they
 * describe a printer's inks, which a PNG has none of.
 */
export const PNG_METADATA_BYTES_MAX = 1_048_576;

/** Width and height in pixels, as stored: an EXIF orientation is not applied. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The verdict on an upload. */
export type Checked =
  | ({ readonly ok: true; readonly mediaType: MediaType } & Size)
  | ({ readonly ok: false } & Fault);

/** How the size is read for each type; these throw on a damaged header. */
const SIZES: Readonly<Record<MediaType, (bytes: Uint8Array) => Size>> = {
  "image/jpeg": jpegSize,
  "image/png": (bytes) => PNG.calculate(startOf(bytes)),
  "image/webp": (bytes) => WEBP.calculate(startOf(bytes)),
  "image/gif": (bytes) => GIF.calculate(startOf(bytes)),
  "image/avif": avifSize,
};

/**
 * Checks an upload: something there, a type that is taken in, a header that can be read, not too
 * many pixels.
 *
 * @param bytes the whole upload
 * @param options `pixelsMax`: greatest width times height
 * @returns type and size, or the first fault of `invalid_request` (no bytes),
 * `unsupported_media_type`, `undecodable_image` and `payload_too_large`
 *
 * @example
 * ```ts
 * import { checkImage } from "./header.ts";
 *
 * checkImage(new Uint8Array(), { pixelsMax: 50_000_000 }); // code is "invalid_request"
 * ```
 */
export function checkImage(
  bytes: Uint8Array,
  options: { readonly pixelsMax: number },
): Checked {
  if (bytes.length === 0) return refused("invalid_request", "the body is empty");
  const type = mediaType(bytes);
  if (type === undefined) {
    return refused("unsupported_media_type", "not JPEG, PNG, WebP, GIF or AVIF");
  }
  const size = readSize(bytes, type);
  if (size === undefined) return refused("undecodable_image", `the ${type} header is damaged`);
  const { width, height } = size;
  if (width * height > options.pixelsMax) {
    const limit = `at most ${options.pixelsMax} pixels are accepted`;
    return refused("payload_too_large", `${width} x ${height} pixels, ${limit}`);
  }
  if (type === "image/png" && pngMetadataBytes(bytes) > PNG_METADATA_BYTES_MAX) {
    const limit = `at most ${PNG_METADATA_BYTES_MAX} bytes of metadata are accepted`;
    return refused("payload_too_large", limit);
  }
  return { ok: true, mediaType: type, width, height };
}

function refused(code: Fault["code"], state: string): Checked {
  return { ok: false, code, detail: `read image: ${state}` };
}

/** Reads the size, or gives undefined where the header holds none that is possible. */
function readSize(bytes: Uint8Array, type: MediaType): Size | undefined {
  try {
    const { width, height } = SIZES[type](bytes);
    return width > 0 && height > 0 ? { width, height } : undefined;
  } catch {
    // The readers report a damaged header by throwing, often a RangeError of the bytes' end.
    return undefined;
  }
}

/** Copies the start of a file: image-size reads past a view's end, into the bytes behind it. */
function startOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.subarray(0, HEADER_BYTES_MAX));
}

/** Adds up chunks that may be compressed, hopping from one to the next (PNG, 11.3). */
function pngMetadataBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let total = 0;
  for (let at = 8; at + 8 <= bytes.length;) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (/^(zTXt|iTXt|iCCP)$/.test(name)) total += length;
    at += 12 + length;
  }
  return total;
}

/** Takes the largest of the sizes in the file: a grid's tiles and a thumbnail have theirs too. */
function avifSize(bytes: Uint8Array): Size {
  const first = HEIF.calculate(startOf(bytes));
  const larger = (a: Size, b: Size): Size => a.width * a.height < b.width * b.height ? b : a;
  return (first.images ?? []).reduce<Size>(larger, first);
}

/**
 * Finds the frame header of a JPEG by hopping from marker to marker (ITU-T T.81, B.1.1 and B.2.2).
 *
 * image-size copies the file and creeps over what it does not know byte by byte: 0.9 s for 10 MB of
 * zeros. Like a decoder, this one skips to the next marker instead.
 */
function jpegSize(bytes: Uint8Array): Size {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = bytes.indexOf(0xff, 2);
  while (at >= 0) {
    const marker = view.getUint8(at + 1);
    if (isFrameHeader(marker)) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    const next = standsAlone(marker) ? at + 1 : at + 2 + view.getUint16(at + 2);
    at = bytes.indexOf(0xff, next);
  }
  throw new RangeError("find JPEG frame header: none in the file");
}

/** SOF0 to SOF15; the three other codes of that range are tables and a reserved one. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

/** Codes without a segment behind them: stuffed zero, TEM, RST0 to RST7, SOI, EOI, fill byte. */
function standsAlone(marker: number): boolean {
  return marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd9) || marker === 0xff;
}
