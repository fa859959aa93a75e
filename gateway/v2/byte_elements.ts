/**
 * Elements of a BYTES tensor in their binary form: each its length, four bytes little-endian, and
 * its bytes, one after the other.
 *
 * Source: the binary tensor data extension of the Open Inference Protocol.
 *
 * @module
 */

/** Bytes of an element's length. */
const LENGTH_BYTES = 4;

/** The elements, or what is wrong with the bytes. */
export type Elements =
  | { readonly ok: true; readonly elements: readonly Uint8Array[] }
  | { readonly ok: false; readonly state: string };

/** Writes texts as elements. */
export function packTexts(texts: readonly string[]): Uint8Array {
  const elements = texts.map((text) => new TextEncoder().encode(text));
  const length = elements.reduce((sum, element) => sum + LENGTH_BYTES + element.length, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.length, true);
    bytes.set(element, at + LENGTH_BYTES);
    at += LENGTH_BYTES + element.length;
  }
  return bytes;
}

/**
 * Reads exactly so many elements.
 *
 * @returns views of the bytes, in order, none overlapping another
 */
export function unpackElements(bytes: Uint8Array, count: number): Elements {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const elements: Uint8Array[] = [];
  let at = 0;
  while (elements.length < count) {
    const which = `element ${elements.length + 1} of ${count}`;
    const start = at + LENGTH_BYTES;
    if (start > bytes.length) return { ok: false, state: `${which} is missing` };
    const end = start + view.getUint32(at, true);
    if (end > bytes.length) return { ok: false, state: `${which} ends after the data` };
    elements.push(bytes.subarray(start, end));
    at = end;
  }
  if (at === bytes.length) return { ok: true, elements };
  return { ok: false, state: `${bytes.length - at} bytes follow the last element` };
}
