/**
 * The smallest picture that there is, in sixteen million colours: one for each submission.
 *
 * @module
 */

/** Pictures that differ from each other. */
export const IMAGES_MAX = 2 ** 24;

/**
 * A GIF of one pixel, whose colour is the number (GIF89a specification, W3C).
 *
 * @param number from 0, below {@linkcode IMAGES_MAX}
 */
export function imageOf(number: number): Uint8Array<ArrayBuffer> {
  const colour = [number >> 16 & 255, number >> 8 & 255, number & 255];
  return Uint8Array.from([
    ...new TextEncoder().encode("GIF89a"),
    // One by one pixel, a table of two colours: ours, then black.
    ...[1, 0, 1, 0, 0x80, 0, 0, ...colour, 0, 0, 0],
    // The picture itself: the table's first colour, compressed.
    ...[0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0],
    0x3b,
  ]);
}
