import fc from "fast-check";
import assert from "node:assert/strict";
import { unpackTensor } from "../../shared/tensor.ts";
import { CARD } from "../../shared/testing/broker.ts";
import { packTexts } from "./byte_elements.ts";
import type { SentTensor } from "./infer_request.ts";
import { imagesOf } from "./input_images.ts";

/** Its input is two by three pixels. */
const card = { ...CARD, input: { width: 3, height: 2 } };
const SHAPE = [2, 3, 3];
const VALUES = Float32Array.from({ length: 18 }, (_, i) => i / 3 - 2);
const BYTES = new Uint8Array(VALUES.buffer);

const image = { name: "image", datatype: "BYTES", shape: [1] } as const;
const tensor = { name: "tensor", datatype: "FP32", shape: [1, ...SHAPE] } as const;

function imagesIn(input: SentTensor): readonly Uint8Array[] {
  const read = imagesOf(input, card);
  assert(read.ok, read.ok ? "" : read.detail);
  return read.value;
}

function detailOf(input: SentTensor): string {
  const read = imagesOf(input, card);
  assert(!read.ok);
  assert.equal(read.code, "invalid_request");
  return read.detail;
}

Deno.test("images are the elements, from base64 as from bytes", () => {
  const wanted = ["first", "second"].map((text) => new TextEncoder().encode(text));
  const shape = [2];
  const inJson = imagesIn({ ...image, shape, data: wanted.map((bytes) => bytes.toBase64()) });
  const inBytes = imagesIn({ ...image, shape, data: packTexts(["first", "second"]) });
  assert.deepEqual([...inJson], wanted);
  assert.deepEqual([...inBytes], wanted);
});

Deno.test("tensors are the numbers, from JSON, nested or flat, as from bytes", () => {
  const rows = [0, 9].map((row) =>
    [0, 3, 6].map((at) => [...VALUES].slice(row + at, row + at + 3))
  );
  for (const data of [BYTES, [...VALUES], [rows]]) {
    const [bytes, ...rest] = imagesIn({ ...tensor, data });
    assert.deepEqual([unpackTensor(bytes!, SHAPE), rest], [VALUES, []]);
  }
  const two = imagesIn({
    ...tensor,
    shape: [2, ...SHAPE],
    data: Uint8Array.of(...BYTES, ...BYTES),
  });
  assert.deepEqual(two.map((bytes) => unpackTensor(bytes, SHAPE)), [VALUES, VALUES]);
});

const faults: [title: string, input: SentTensor, detail: RegExp][] = [
  [
    "an image of another datatype",
    { ...image, datatype: "FP32", data: [] },
    /^read input "image": its datatype is "FP32", expected "BYTES"$/,
  ],
  ["a tensor of another datatype", { ...tensor, datatype: "FP64", data: [] }, /expected "FP32"$/],
  [
    "images of two dimensions",
    { ...image, shape: [1, 1], data: ["AAAA"] },
    /its shape is \[1, 1\], expected \[n\] with n from 1 to 64$/,
  ],
  ["no image", { ...image, shape: [0], data: [] }, /its shape is \[0\]/],
  ["no shape", { ...image, shape: [], data: [] }, /its shape is \[\]/],
  ["too many images", { ...image, shape: [65], data: Array(65).fill("AAAA") }, /n from 1 to 64$/],
  ["fewer elements", { ...image, shape: [2], data: ["AAAA"] }, /: 1 elements, expected 2$/],
  ["no base64", { ...image, data: ["star.jpg"] }, /an element of its data is not base64$/],
  ["no text", { ...image, data: [1] }, /an element of its data is not base64$/],
  ["an element cut short", { ...image, data: Uint8Array.of(1, 0) }, /element 1 of 1 is missing$/],
  [
    "a tensor of another shape",
    { ...tensor, shape: [1, 3, 2, 3], data: BYTES },
    /its shape is \[1, 3, 2, 3\], expected \[n, 2, 3, 3\] with n from 1 to 64$/,
  ],
  ["a tensor without n", { ...tensor, shape: SHAPE, data: BYTES }, /its shape is \[2, 3, 3\]/],
  [
    "huge shapes",
    { ...tensor, shape: [Number.MAX_SAFE_INTEGER, ...SHAPE], data: BYTES },
    /n from 1 to 64$/,
  ],
  [
    "fewer numbers",
    { ...tensor, data: BYTES.subarray(4) },
    /: 68 bytes of numbers, expected 18 numbers of 4 bytes$/,
  ],
  ["more numbers", { ...tensor, data: [...VALUES, 0] }, /: 76 bytes of numbers, expected 18/],
  ["a text among them", { ...tensor, data: [...VALUES.slice(1), "1"] }, /data is not a number$/],
  ["deeper numbers", { ...tensor, data: [[[[[1]]]]] }, /data is not a number$/],
  [
    "great numbers",
    { ...tensor, data: [...VALUES.slice(1), 1e30] },
    /is not from -65504 to 65504$/,
  ],
  ["greater ones", { ...tensor, data: [...VALUES.slice(1), -1e300] }, /is not from -65504/],
];

for (const [title, input, detail] of faults) {
  Deno.test(`an input with ${title} is refused`, () => assert.match(detailOf(input), detail));
}

Deno.test("a number that is none is refused, wherever it stands", () => {
  for (let at = 0; at < VALUES.length; at++) {
    for (const value of [NaN, Infinity, -Infinity]) {
      const data = new Uint8Array(VALUES.with(at, value).buffer);
      assert.match(detailOf({ ...tensor, data }), /a number in it is not from -65504 to 65504$/);
    }
  }
});

Deno.test("any input is read or refused", () => {
  const shape = fc.oneof(
    fc.array(fc.nat(4), { maxLength: 5 }),
    fc.nat(3).map((n) => [n]),
    fc.nat(3).map((n) => [n, ...SHAPE]),
  );
  const data = fc.oneof(
    fc.uint8Array({ maxLength: 160 }),
    fc.array(fc.jsonValue(), { maxLength: 20 }),
    fc.array(fc.base64String(), { maxLength: 4 }),
    fc.array(fc.double(), { maxLength: 40 }),
  );
  fc.assert(
    fc.property(fc.constantFrom(image, tensor), shape, data, (input, shape, data) => {
      const read = imagesOf({ ...input, shape, data }, card);
      if (!read.ok) assert.equal(read.code, "invalid_request");
      else assert.equal(read.value.length, shape[0]);
    }),
    { numRuns: 2_000 },
  );
});
