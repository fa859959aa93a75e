import assert from "node:assert/strict";
import fc from "fast-check";
import { Distribution, DistributionSchema } from "./distribution.ts";

function of(times: readonly number[]): Distribution {
  const distribution = new Distribution();
  for (const ms of times) distribution.add(ms);
  return distribution;
}

Deno.test("nothing has neither mean nor quantiles", () => {
  const { count, mean } = of([]);
  assert.deepEqual([count, mean, of([]).quantile(0.5)], [0, null, null]);
});

Deno.test("quantiles are off by a tenth at most, the mean not at all", () => {
  const Times = fc.array(fc.double({ min: 0.2, max: 1e8, noNaN: true }), { minLength: 1 });
  fc.assert(fc.property(Times, fc.double({ min: 0, max: 1, noNaN: true }), (times, share) => {
    const sorted = times.toSorted((a, b) => a - b);
    const exact = sorted[Math.max(0, Math.ceil(share * times.length) - 1)]!;
    const found = of(times).quantile(share)!;
    assert(found > exact / 1.11 && found < exact * 1.11, `${found} for ${exact}`);
    const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
    assert(Math.abs(of(times).mean! - mean) <= mean / 1e6);
  }));
});

Deno.test("what is kept and added again is as if it was counted at once", () => {
  const kept = (times: readonly number[]) =>
    DistributionSchema.parse(JSON.parse(JSON.stringify(of(times))));
  const sum = new Distribution();
  sum.merge(kept([0, 1, 2, 300]));
  sum.merge(kept([2, 5]));
  const once = of([0, 1, 2, 300, 2, 5]);
  assert.deepEqual(
    [sum.count, sum.mean, sum.quantile(0.5), sum.quantile(1)],
    [once.count, once.mean, once.quantile(0.5), once.quantile(1)],
  );
});
