/**
 * Damage to bytes of which nothing is known.
 *
 * Pure: the same random source gives the same damage. Never changes what it is given.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Random } from "../../fixtures/training/random.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

/** Numbers at the edges of what fields can hold. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0xffffffff] as const;

/** Longest piece that is taken out, put in or doubled. */
const PIECE_MAX = 64;

/** Joins pieces; text is written a byte a character. */
export function join(...pieces: readonly (string | Uint8Array)[]): Bytes {
  const parts = pieces.map((piece) => typeof piece === "string" ? latin1(piece) : piece);
  return new Uint8Array(Buffer.concat(parts));
}

/** The bytes of a text of characters to 255. */
export function latin1(text: string): Bytes {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Random bytes. */
export function noise(random: Random, length: number): Bytes {
  return Uint8Array.from({ length }, () => random.integer(0, 255));
}

/** A place in the bytes, from some place on. */
function place(random: Random, bytes: Uint8Array, from = 0): number {
  return random.integer(Math.min(from, bytes.length), Math.max(0, bytes.length - 1));
}

/** Changes a few bytes, from some place on. */
export function flipped(random: Random, bytes: Uint8Array, from = 0): Bytes {
  const changed = Uint8Array.from(bytes);
  for (let times = random.integer(1, 6); times > 0; times--) {
    const at = place(random, bytes, from);
    if (at >= changed.length) continue;
    changed[at] = random.chance(0.5)
      ? changed[at]! ^ 1 << random.integer(0, 7)
      : random.integer(0, 255);
  }
  return changed;
}

/** Writes a number from the edge of its range over one, two or four bytes. */
export function edged(random: Random, bytes: Uint8Array, from = 0): Bytes {
  const changed = Uint8Array.from(bytes);
  const length = random.pick([1, 2, 4]);
  const at = place(random, bytes, from);
  if (at + length > changed.length) return flipped(random, bytes);
  const view = new DataView(changed.buffer);
  const value = random.pick(EDGES);
  if (length === 1) view.setUint8(at, value & 0xff);
  else if (length === 2) view.setUint16(at, value & 0xffff, random.chance(0.5));
  else view.setUint32(at, value, random.chance(0.5));
  return changed;
}

/** Cuts the end off. */
export function truncated(random: Random, bytes: Uint8Array): Bytes {
  return Uint8Array.from(bytes.subarray(0, place(random, bytes)));
}

/** Takes a piece out, doubles it, or puts a foreign one in. */
export function restructured(random: Random, bytes: Uint8Array): Bytes {
  const from = place(random, bytes);
  const to = Math.min(bytes.length, from + random.integer(1, PIECE_MAX));
  const piece = random.pick([
    new Uint8Array(),
    join(bytes.subarray(from, to), bytes.subarray(from, to)),
    noise(random, random.integer(1, PIECE_MAX)),
  ]);
  return join(bytes.subarray(0, from), piece, bytes.subarray(to));
}

/** The start of one and the end of another. */
export function spliced(random: Random, bytes: Uint8Array, other: Uint8Array): Bytes {
  return join(bytes.subarray(0, place(random, bytes)), other.subarray(place(random, other)));
}

/** Damages bytes in some way. */
export function damaged(random: Random, bytes: Uint8Array): Bytes {
  return random.pick([flipped, edged, truncated, restructured])(random, bytes);
}
