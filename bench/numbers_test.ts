import assert from "node:assert/strict";
import { histogram, median, quantile, shares, spread } from "./numbers.ts";

Deno.test("a quantile is a value that was measured", () => {
  const values = [5, 1, 4, 2, 3];
  assert.deepEqual([0, 0.2, 0.21, 0.5, 0.99, 1].map((q) => quantile(values, q)), [
    1,
    1,
    2,
    3,
    5,
    5,
  ]);
  assert.deepEqual(values, [5, 1, 4, 2, 3]);
});

Deno.test("the median of an even number of values is the lower of the middle two", () => {
  assert.equal(median([4, 1, 3, 2]), 2);
});

Deno.test("the spread is half of the distance, as a share of the median", () => {
  assert.equal(spread([9, 10, 11]), 0.1);
  assert.equal(spread([7]), 0);
});

Deno.test("a histogram counts every value once, the greatest in the last bin", () => {
  assert.deepEqual(histogram([0, 1, 2, 3, 7, 8], 4), [
    { from: 0, to: 2, count: 3 },
    { from: 2, to: 4, count: 1 },
    { from: 4, to: 6, count: 0 },
    { from: 6, to: 8, count: 2 },
  ]);
});

Deno.test("a distribution ends with the greatest value at 100 %", () => {
  const curve = shares([3, 1, 2]);
  assert.deepEqual([curve[0], curve.at(-1)], [[1, 1], [3, 100]]);
});
