/**
 * Damage to images that gets past the first checks: fields of each format, checksums made right.
 *
 * Pure: the same random source gives the same damage.
 *
 * @module
 */
import { crc32, deflateSync, inflateSync } from "node:zlib";
import type { Random } from "../../fixtures/training/random.ts";
import {
  type Bytes,
  damaged,
  edged,
  flipped,
  join,
  restructured,
  spliced,
  truncated,
} from "./bytes.ts";
import type { Seed } from "./seeds.ts";

/** Bytes behind which a file of a seed is picture rather than header. */
const HEADER_BYTES = 64;

/** How an image is damaged. */
export const MUTATIONS = [
  "flip",
  "flip picture",
  "edge",
  "truncate",
  "restructure",
  "splice",
  "field",
  "picture",
  "none",
] as const;
export type Mutation = (typeof MUTATIONS)[number];

/** Damages a seed. */
export function mutate(
  random: Random,
  mutation: Mutation,
  seed: Seed,
  seeds: readonly [Seed, ...Seed[]],
): Bytes {
  const { bytes, type } = seed;
  switch (mutation) {
    case "flip":
      return flipped(random, bytes);
    case "flip picture":
      return flipped(random, bytes, HEADER_BYTES);
    case "edge":
      return edged(random, bytes);
    case "truncate":
      return truncated(random, bytes);
    case "restructure":
      return restructured(random, bytes);
    case "splice":
      return spliced(random, bytes, random.pick(seeds).bytes);
    case "field":
      return FIELDS[type](random, bytes);
    case "picture":
      return type === "png" ? repacked(random, bytes) : flipped(random, bytes, bytes.length >> 1);
    case "none":
      return bytes;
  }
}

const FIELDS: Readonly<Record<Seed["type"], (random: Random, bytes: Bytes) => Bytes>> = {
  jpeg: (random, bytes) => inOneOf(random, bytes, jpegSegments(bytes)),
  png: pngField,
  webp: (random, bytes) => inOneOf(random, bytes, riffChunks(bytes)),
  gif: (random, bytes) => inOneOf(random, bytes, gifBlocks(bytes)),
  avif: (random, bytes) => inOneOf(random, bytes, avifBoxes(bytes)),
};

/** From and to, in bytes. */
type Span = readonly [from: number, to: number];

/** Damages one of the spans, whose place and length are kept. */
function inOneOf(random: Random, bytes: Bytes, spans: readonly Span[]): Bytes {
  const [from, to] = spans[random.integer(0, spans.length - 1)] ?? [0, bytes.length];
  const span = bytes.subarray(from, to);
  const changed = random.chance(0.5) ? edged(random, span) : flipped(random, span);
  return join(bytes.subarray(0, from), changed, bytes.subarray(to));
}

/** Segments of a JPEG up to its scan, their lengths included (ITU-T T.81, B.1.1). */
function jpegSegments(bytes: Bytes): Span[] {
  const view = new DataView(bytes.buffer);
  const spans: Span[] = [];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const end = at + 2 + view.getUint16(at + 2);
    spans.push([at + 2, Math.min(end, bytes.length)]);
    if (bytes[at + 1] === 0xda) break;
    at = end;
  }
  return spans;
}

/** Chunks of a WebP, their lengths included (RFC 9649, section 2). */
function riffChunks(bytes: Bytes): Span[] {
  const view = new DataView(bytes.buffer);
  const spans: Span[] = [[4, 8]];
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    // Sizes stand at the start of a chunk.
    spans.push([at + 4, Math.min(at + 30, bytes.length)]);
    at += 8 + size + (size & 1);
  }
  return spans;
}

/** Screen and first blocks of a GIF, its table of colours apart (GIF89a, W3C). */
function gifBlocks(bytes: Bytes): Span[] {
  const colours = bytes[10]! & 0x80 ? 3 * 2 ** ((bytes[10]! & 7) + 1) : 0;
  const blocks = 13 + colours;
  return [[6, 13], [blocks, Math.min(blocks + 48, bytes.length)]];
}

/** The boxes of an AVIF before its picture: all of `meta` (ISO/IEC 14496-12). */
function avifBoxes(bytes: Bytes): Span[] {
  const view = new DataView(bytes.buffer);
  const spans: Span[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (name === "mdat" || size < 8) break;
    for (let from = at; from < at + size; from += 16) spans.push([from, from + 16]);
    at += size;
  }
  return spans;
}

interface Chunk {
  readonly name: string;
  readonly data: Bytes;
}

function pngChunks(bytes: Bytes): Chunk[] {
  const view = new DataView(bytes.buffer);
  const chunks: Chunk[] = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    chunks.push({ name, data: bytes.slice(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

/** A PNG of these chunks, their checksums right. */
function pngOf(chunks: readonly Chunk[]): Bytes {
  return join(
    "\x89PNG\r\n\x1a\n",
    ...chunks.flatMap(({ name, data }) => {
      const named = join(name, data);
      return [u32(data.length), named, u32(crc32(named))];
    }),
  );
}

function u32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Damages a chunk, doubles one, leaves one out, or exchanges two; checksums stay right. */
function pngField(random: Random, bytes: Bytes): Bytes {
  const chunks = pngChunks(bytes);
  const at = random.integer(0, chunks.length - 1);
  const chunk = chunks[at]!;
  const done = random.pick<() => readonly Chunk[]>([
    () => chunks.with(at, { ...chunk, data: damaged(random, chunk.data) }),
    () => chunks.with(at, { ...chunk, data: edged(random, chunk.data) }),
    () => chunks.toSpliced(at, 0, chunk),
    () => chunks.toSpliced(at, 1),
    () => chunks.toSpliced(at, 1).toSpliced(random.integer(0, chunks.length - 1), 0, chunk),
  ]);
  return pngOf(done());
}

/** Damages a PNG's rows and compresses them again: the filters meet them, not the inflater. */
function repacked(random: Random, bytes: Bytes): Bytes {
  const chunks = pngChunks(bytes);
  const packed = chunks.filter(({ name }) => name === "IDAT").map(({ data }) => data);
  const rows = Uint8Array.from(inflateSync(join(...packed)));
  const first = chunks.findIndex(({ name }) => name === "IDAT");
  const data = Uint8Array.from(deflateSync(damaged(random, rows)));
  const others = chunks.filter(({ name }) => name !== "IDAT");
  return pngOf(others.toSpliced(first, 0, { name: "IDAT", data }));
}
