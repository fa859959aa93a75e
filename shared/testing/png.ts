/**
 * PNGs made chunk by chunk (PNG, third edition, W3C), with what no encoder at hand writes.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { crc32, deflateSync } from "node:zlib";

/** A picture as PNG stores it. */
export interface PngPicture {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: 1 | 2 | 4 | 8 | 16;
  /** 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha. */
  readonly colour: 0 | 2 | 3 | 4 | 6;
  /** Chunks between header and data. */
  readonly chunks?: readonly Uint8Array[];
  /** All rows, each behind the number of its filter; absent: there is no data. */
  readonly rows?: Uint8Array;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Makes a whole file. */
export function png({ width, height, depth, colour, chunks = [], rows }: PngPicture): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, colour], 8);
  return joined([
    SIGNATURE,
    pngChunk("IHDR", header),
    ...chunks,
    pngChunk("IDAT", rows === undefined ? new Uint8Array() : deflateSync(rows)),
    pngChunk("IEND", new Uint8Array()),
  ]);
}

/** Makes a chunk: length, name, data, checksum. */
export function pngChunk(name: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** Makes a chunk whose text is compressed (`zTXt`). */
export function compressedText(bytes: number): Uint8Array {
  const name = new TextEncoder().encode("Comment\0\0");
  return pngChunk("zTXt", joined([name, deflateSync(new Uint8Array(bytes), { level: 9 })]));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
