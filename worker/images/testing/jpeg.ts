/**
 * JPEGs that sharp does not write: any subsampling, any colour space, any profile.
 *
 * Baseline, without quantization, each block of one colour: its DC coefficient alone is coded
 * (ITU-T T.81). Never decodes.
 *
 * @module
 */

export interface FlatJpeg {
  readonly width: number;
  readonly height: number;
  /** Horizontal and vertical sampling factors of each component. */
  readonly factors: readonly (readonly [horizontal: number, vertical: number])[];
  /** The sample of a component at a pixel, which its whole block gets. */
  readonly sample: (component: number, x: number, y: number) => number;
  /** Colour transform that an Adobe marker tells: 0 none, 1 YCbCr, 2 YCCK. Absent: no marker. */
  readonly adobe?: 0 | 1 | 2;
  /** ICC profile to embed. */
  readonly profile?: Uint8Array;
}

/** Samples of a block's side. */
const BLOCK = 8;
/** Sizes of a DC difference: 0 to 11 bits, each with a code of four. */
const SIZES = 12;

/** Writes one. */
export function flatJpeg(image: FlatJpeg): Uint8Array {
  const { width, height, factors, adobe, profile } = image;
  const count = factors.length;
  const ids = factors.map((_, i) => i + 1);
  return Uint8Array.from([
    ...[0xff, 0xd8],
    ...(adobe === undefined ? [] : segment(0xee, [...ascii("Adobe"), 0, 100, 0, 0, 0, 0, adobe])),
    ...(profile === undefined ? [] : segment(0xe2, [...ascii("ICC_PROFILE\0"), 1, 1, ...profile])),
    ...segment(0xdb, [0, ...Array<number>(64).fill(1)]),
    ...segment(0xc0, [
      8,
      ...[height >> 8, height & 255, width >> 8, width & 255],
      count,
      ...factors.flatMap(([h, v], i) => [ids[i]!, h << 4 | v, 0]),
    ]),
    // Codes of four bits for the sizes; one bit for the end of a block, the only AC symbol.
    ...segment(0xc4, [0x00, ...lengths(4, SIZES), ...Array.from({ length: SIZES }, (_, i) => i)]),
    ...segment(0xc4, [0x10, ...lengths(1, 1), 0]),
    ...segment(0xda, [count, ...ids.flatMap((id) => [id, 0]), 0, 63, 0]),
    ...scan(image),
    ...[0xff, 0xd9],
  ]);
}

function segment(marker: number, content: readonly number[]): number[] {
  const length = content.length + 2;
  return [0xff, marker, length >> 8, length & 255, ...content];
}

function ascii(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

/** Counts of codes by length, of which only one length has any. */
function lengths(bits: number, count: number): number[] {
  return Array.from({ length: 16 }, (_, i) => i + 1 === bits ? count : 0);
}

/** The blocks of all components, interleaved by minimum coded units. */
function scan({ width, height, factors, sample }: FlatJpeg): number[] {
  const widest = Math.max(...factors.map(([h]) => h));
  const highest = Math.max(...factors.map(([, v]) => v));
  const before = factors.map(() => 0);
  let bits = "";
  for (let top = 0; top < height; top += BLOCK * highest) {
    for (let left = 0; left < width; left += BLOCK * widest) {
      for (const [component, [h, v]] of factors.entries()) {
        for (let block = 0; block < h * v; block++) {
          const x = left + BLOCK * (block % h) * widest / h;
          const y = top + BLOCK * Math.floor(block / h) * highest / v;
          const dc = 8 * (Math.round(sample(component, x, y)) - 128);
          bits += difference(dc - before[component]!) + "0";
          before[component] = dc;
        }
      }
    }
  }
  const bytes = bits.match(/.{1,8}/g)!.map((byte) => parseInt(byte.padEnd(8, "1"), 2));
  return bytes.flatMap((byte) => byte === 0xff ? [0xff, 0] : [byte]);
}

/** A DC difference as its size's code and its value (T.81, F.1.2.1). */
function difference(value: number): string {
  const size = value === 0 ? 0 : Math.floor(Math.log2(Math.abs(value))) + 1;
  const coded = value < 0 ? value + 2 ** size - 1 : value;
  return size.toString(2).padStart(4, "0") +
    (size === 0 ? "" : coded.toString(2).padStart(size, "0"));
}
