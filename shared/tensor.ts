/**
 * A tensor as it travels in a job: a file of numpy's, in the place of an image.
 *
 * Owns the form: float32, little-endian, row by row, under the one header that we write for its
 * shape. So a job, its dead letter and its replay hold bytes alone, and a tensor is told from an
 * image as images are from each other, by its first bytes.
 * Invariant: what is read as a tensor of a shape was written as one.
 *
 * Source: NEP 1, "A simple file format for NumPy arrays", version 1.0.
 *
 * @module
 */

const MAGIC = "\x93NUMPY\x01\x00";

/** Numbers begin at a multiple of this. */
const ALIGNMENT = 64;

/** Sizes of a tensor, outermost first. */
export type Shape = readonly number[];

/** Says whether bytes are a tensor's, and no image's. */
export function isTensor(bytes: Uint8Array): boolean {
  return startsWith(bytes, latin1(MAGIC));
}

/** Number of values in a tensor of the shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((size, side) => size * side, 1);
}

/** Bytes of a tensor's values. */
export function bytesOfNumbers(shape: Shape): number {
  return sizeOf(shape) * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * Packs a tensor's values.
 *
 * @param values little-endian float32, row by row
 *
 * @example
 * ```ts
 * import { packTensor, unpackTensor } from "./tensor.ts";
 *
 * const values = Float32Array.of(1, 2, 3);
 * const bytes = packTensor(new Uint8Array(values.buffer), [1, 1, 3]);
 * unpackTensor(bytes, [1, 1, 3]); // 1, 2, 3
 * ```
 */
export function packTensor(values: Uint8Array, shape: Shape): Uint8Array<ArrayBuffer> {
  const header = headerOf(shape);
  const bytes = new Uint8Array(header.length + values.length);
  bytes.set(header);
  bytes.set(values, header.length);
  return bytes;
}

/** Reads a tensor's values; undefined where it has another shape, or its end is missing. */
export function unpackTensor(bytes: Uint8Array, shape: Shape): Float32Array | undefined {
  const header = headerOf(shape);
  const length = header.length + bytesOfNumbers(shape);
  if (bytes.length !== length || !startsWith(bytes, header)) return undefined;
  return floatsIn(bytes.subarray(header.length));
}

/** The float32 numbers that bytes are, wherever they lie: a copy, at a multiple of four. */
export function floatsIn(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** The bytes that float32 numbers are: a view. */
export function bytesIn({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function headerOf(shape: Shape): Uint8Array {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const before = MAGIC.length + 2;
  // A line break ends it, spaces fill it up.
  const length = Math.ceil((before + text.length + 1) / ALIGNMENT) * ALIGNMENT - before;
  return latin1(
    `${MAGIC}${String.fromCharCode(length & 0xff, length >> 8)}${text.padEnd(length - 1)}\n`,
  );
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, i) => bytes[i] === byte);
}
