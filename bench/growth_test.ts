import assert from "node:assert/strict";
import { growthOf, type Sample } from "./growth.ts";

/** Noise between -1 and 1 that is the same each time. */
function noise(i: number): number {
  return 2 * ((Math.imul(i + 1, 2654435761) >>> 8) % 1000) / 1000 - 1;
}

function series(length: number, value: (i: number) => number): Sample[] {
  return Array.from({ length }, (_, i) => [10 * i, value(i)]);
}

Deno.test("what is flat grows by less than its noise, single peaks or not", () => {
  const { total, noise: width } = growthOf(
    series(1000, (i) => 50 + noise(i) + (i > 900 && i % 20 === 0 ? 100 : 0)),
  );
  assert(Math.abs(total) < 0.2, String(total));
  assert(width > 1.5 && width < 2.5, String(width));
});

Deno.test("a leak of a few times the noise is seen as it is", () => {
  const { total, noise: width } = growthOf(series(1000, (i) => 50 + 5 * i / 999 + noise(i)));
  assert(Math.abs(total - 5) < 0.3, String(total));
  assert(width < 2.5, String(width));
});

Deno.test("a count that never changes has no growth and no noise", () => {
  assert.deepEqual(growthOf(series(3, () => 7)), { total: 0, noise: 0 });
});
