import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mediaType } from "./media_type.ts";
import { isTensor, packTensor, unpackTensor } from "./tensor.ts";

const VALUES = Float32Array.from({ length: 18 }, (_, i) => i / 7 - 1);
const BYTES = packTensor(new Uint8Array(VALUES.buffer), [2, 3, 3]);

Deno.test("a tensor is a file as numpy writes it", () => {
  const text = String.fromCharCode(...BYTES.subarray(0, 128));
  assert(
    text.startsWith(
      "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 3), }",
    ),
  );
  assert.match(text, / +\n$/);
  assert.deepEqual(BYTES.subarray(128), new Uint8Array(VALUES.buffer));
});

Deno.test("a tensor is read as it was written, wherever its bytes lie", () => {
  for (let offset = 0; offset < 5; offset++) {
    // As the broker's client gives them.
    const moved = Buffer.alloc(BYTES.length + offset);
    moved.set(BYTES, offset);
    assert.deepEqual(unpackTensor(moved.subarray(offset), [2, 3, 3]), VALUES);
  }
});

Deno.test("a tensor of another shape, or without its end, is none", () => {
  for (const shape of [[3, 2, 3], [18], [2, 3, 1], [2, 3, 3, 1]]) {
    assert.equal(unpackTensor(BYTES, shape), undefined);
  }
  for (const bytes of [BYTES.slice(0, -1), BYTES.slice(0, 5), new Uint8Array([...BYTES, 0])]) {
    assert.equal(unpackTensor(bytes, [2, 3, 3]), undefined);
  }
});

Deno.test("a tensor is told from images by its first bytes", () => {
  assert(isTensor(BYTES));
  assert.equal(mediaType(BYTES), undefined);
  assert(!isTensor(Uint8Array.of(0x93)));
  assert(!isTensor(new TextEncoder().encode("GIF89a and so on")));
});
