/**
 * What an upload is, judged by its first bytes: neither its name nor its declared type is believed.
 *
 * Owns the list of image types that are taken in. Never looks past the signature.
 * Invariant: the same bytes have the same type at the gateway and at the worker.
 *
 * @module
 */

/** Types that are taken in, as IANA registers them. */
export const MEDIA_TYPES = [
  "image/jpeg",
  "image/png",
  "image/webp",
  "image/gif",
  "image/avif",
] as const;

/** Type of an image that is taken in. */
export type MediaType = (typeof MEDIA_TYPES)[number];

/** Bytes of an AVIF file's type box that are read for brands; real ones have 28 to 48. */
const FILE_TYPE_BOX_BYTES_MAX = 256;

/**
 * Judges the type of an image by its signature.
 *
 * Sources: the patterns of the WHATWG MIME Sniffing Standard, section 6.1 (JPEG, PNG, GIF, WebP);
 * AVIF 1.1.0, section 6 (`avif` or `avis` among the brands of the `ftyp` box of ISO/IEC 14496-12).
 *
 * @param bytes the file, or at least its first 256 bytes
 * @returns the type, or undefined where the bytes are nothing that is taken in
 *
 * @example
 * ```ts
 * import { mediaType } from "./media_type.ts";
 *
 * mediaType(new TextEncoder().encode("GIF89a...")); // "image/gif"
 * ```
 */
export function mediaType(bytes: Uint8Array): MediaType | undefined {
  if (has(bytes, 0, "\xff\xd8\xff")) return "image/jpeg";
  if (has(bytes, 0, "\x89PNG\r\n\x1a\n")) return "image/png";
  if (has(bytes, 0, "RIFF") && has(bytes, 8, "WEBPVP")) return "image/webp";
  if (has(bytes, 0, "GIF87a") || has(bytes, 0, "GIF89a")) return "image/gif";
  if (has(bytes, 4, "ftyp") && hasAvifBrand(bytes)) return "image/avif";
  return undefined;
}

/** Says whether `bytes` hold the signature, a character for each byte, at `offset`. */
function has(bytes: Uint8Array, offset: number, signature: string): boolean {
  for (let i = 0; i < signature.length; i++) {
    if (bytes[offset + i] !== signature.charCodeAt(i)) return false;
  }
  return true;
}

/** Reads an `ftyp` box's brands: the major one at 8, its version at 12, compatible ones from 16. */
function hasAvifBrand(bytes: Uint8Array): boolean {
  if (bytes.length < 16) return false;
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const end = Math.min(size, bytes.length, FILE_TYPE_BOX_BYTES_MAX);
  for (let at = 8; at + 4 <= end; at += 4) {
    if (at !== 12 && (has(bytes, at, "avif") || has(bytes, at, "avis"))) return true;
  }
  return false;
}
