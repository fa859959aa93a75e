import fc from "fast-check";
import assert from "node:assert/strict";
import { packTexts, unpackElements } from "./byte_elements.ts";

Deno.test("texts are unpacked as they were packed, wherever the bytes lie", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "grapheme" })), fc.nat(9), (texts, offset) => {
    const packed = packTexts(texts);
    const moved = new Uint8Array(offset + packed.length);
    moved.set(packed, offset);
    const read = unpackElements(moved.subarray(offset), texts.length);
    assert(read.ok);
    assert.deepEqual(read.elements.map((element) => new TextDecoder().decode(element)), texts);
  }));
});

Deno.test("the length is four bytes, the least first", () => {
  assert.deepEqual([...packTexts(["é", ""])], [2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0]);
});

Deno.test("any bytes are read as elements that fill them without a gap, or are refused", () => {
  const anything = fc.uint8Array({ maxLength: 40 });
  // Small lengths, so that some end where the bytes do.
  const almost = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 40 })
    .map((bytes) => Uint8Array.from(bytes));
  let [taken, refused] = [0, 0];
  fc.assert(
    fc.property(fc.oneof(anything, almost), fc.nat(5), (bytes, count) => {
      const read = unpackElements(bytes, count);
      if (!read.ok) {
        refused++;
        return assert.match(read.state, /^element \d+ of \d+ |^\d+ bytes follow/);
      }
      taken++;
      assert.equal(read.elements.length, count);
      let at = 0;
      for (const element of read.elements) {
        assert.equal(element.byteOffset, at + 4);
        at += 4 + element.length;
      }
      assert.equal(at, bytes.length);
    }),
    { numRuns: 2_000 },
  );
  assert(taken > 10 && refused > 10, `${taken} taken, ${refused} refused`);
});

Deno.test("what is wrong with elements is said", () => {
  for (
    const [bytes, count, state] of [
      [[], 1, "element 1 of 1 is missing"],
      [[1, 0, 0], 1, "element 1 of 1 is missing"],
      [[0, 0, 0, 0], 2, "element 2 of 2 is missing"],
      [[2, 0, 0, 0, 9], 1, "element 1 of 1 ends after the data"],
      [[0xff, 0xff, 0xff, 0xff, 9], 1, "element 1 of 1 ends after the data"],
      [[1, 0, 0, 0, 9, 9, 9], 1, "2 bytes follow the last element"],
    ] as const
  ) {
    assert.deepEqual(unpackElements(Uint8Array.from(bytes), count), { ok: false, state });
  }
});
