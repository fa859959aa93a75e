/**
 * Colour profiles as no device has them, so that a colour shows whether its profile was applied.
 *
 * Profiles of version 2 (ICC.1:2001-04): matrices for RGB, a table for CMYK, a curve for grey.
 *
 * @module
 */

/** sRGB's primaries, adapted to D50, as its own profile has them. */
const RED = [0.4360, 0.2225, 0.0139] as const;
const GREEN = [0.3851, 0.7169, 0.0971] as const;
const BLUE = [0.1431, 0.0606, 0.7141] as const;
const WHITE = [0.9642, 1, 0.8249] as const;

type Tags = Readonly<Record<string, readonly number[]>>;

/** sRGB, but that what is stored as red is green, as green blue, as blue red; gamma is 2.2. */
export function swappedProfile(): Uint8Array {
  const curve = [...ascii("curv"), ...u32(0), ...u32(1), ...u16(Math.round(2.2 * 256))];
  return profile("RGB ", "XYZ ", {
    rXYZ: xyz(GREEN),
    gXYZ: xyz(BLUE),
    bXYZ: xyz(RED),
    rTRC: curve,
    gTRC: curve,
    bTRC: curve,
  });
}

/** Grey whose samples are proportional to light. */
export function linearGreyProfile(): Uint8Array {
  return profile("GRAY", "XYZ ", { kTRC: [...ascii("curv"), ...u32(0), ...u32(0)] });
}

/** CMYK in which the first ink alone counts: it is black; the others print nothing. */
export function blackFirstProfile(): Uint8Array {
  const ramp = Array.from({ length: 256 }, (_, i) => i);
  const [inputs, outputs, grid] = [4, 3, 2];
  // The first ink varies slowest: its eight entries without it are white, the others black (Lab).
  const table = Array.from(
    { length: grid ** inputs },
    (_, i) => i < 8 ? [255, 128, 128] : [0, 128, 128],
  );
  const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1].flatMap(fixed);
  const lut = [
    ...[...ascii("mft1"), ...u32(0), inputs, outputs, grid, 0],
    ...identity,
    ...Array<readonly number[]>(inputs).fill(ramp).flat(),
    ...table.flat(),
    ...Array<readonly number[]>(outputs).fill(ramp).flat(),
  ];
  return profile("CMYK", "Lab ", { A2B0: lut });
}

function profile(space: string, connection: string, tags: Tags): Uint8Array {
  const all = Object.entries<readonly number[]>({
    desc: [
      ...ascii("desc"),
      ...u32(0),
      ...u32(5),
      ...ascii("test\0"),
      ...Array<number>(79).fill(0),
    ],
    cprt: [...ascii("text"), ...u32(0), ...ascii("none\0")],
    wtpt: xyz(WHITE),
    ...tags,
  }).map(([name, data]) => ({ name, data: [...data, ...Array<number>(-data.length & 3).fill(0)] }));
  const table: number[] = [...u32(all.length)];
  const content: number[] = [];
  const start = 128 + 4 + 12 * all.length;
  for (const { name, data } of all) {
    table.push(...ascii(name), ...u32(start + content.length), ...u32(data.length));
    content.push(...data);
  }
  const header = new Uint8Array(128);
  header.set(u32(start + content.length), 0);
  header.set(u32(0x02400000), 8);
  header.set(ascii((space === "CMYK" ? "prtr" : "mntr") + space + connection), 12);
  header.set(ascii("acsp"), 36);
  header.set(WHITE.flatMap(fixed), 68);
  return Uint8Array.from([...header, ...table, ...content]);
}

function xyz(colour: readonly [number, number, number]): number[] {
  return [...ascii("XYZ "), ...u32(0), ...colour.flatMap(fixed)];
}

/** A number as s15Fixed16Number. */
function fixed(value: number): number[] {
  return u32(Math.round(value * 65_536));
}

function u16(value: number): number[] {
  return [value >> 8 & 255, value & 255];
}

function u32(value: number): number[] {
  return [value >> 24 & 255, value >> 16 & 255, value >> 8 & 255, value & 255];
}

function ascii(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}
