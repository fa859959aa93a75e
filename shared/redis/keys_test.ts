import calculateSlot from "cluster-key-slot";
import assert from "node:assert/strict";
import { ShardKeys } from "./keys.ts";

const SLOTS = 16_384;

for (const shards of [2, 3, 4, 6, 12, 64]) {
  Deno.test(`${shards} shards spread evenly over masters that share the slots`, () => {
    const slots = Array.from(
      { length: shards },
      (_, shard) => calculateSlot(new ShardKeys(shard, shards).deadlines()),
    );
    slots.forEach((slot, shard) => assert.equal(Math.floor(slot * shards / SLOTS), shard));
    // As a cluster's creation gives them out.
    for (const masters of [1, 2, 3].filter((masters) => shards % masters === 0)) {
      const held = Map.groupBy(slots, (slot) => Math.floor(slot * masters / SLOTS));
      assert.deepEqual(
        [...held.values()].map(({ length }) => length),
        Array(masters).fill(shards / masters),
      );
    }
  });
}

Deno.test("all keys of a shard lie in one slot, and a single shard's have the plain tag", () => {
  const keys = new ShardKeys(2, 3);
  const all = [
    keys.jobs("shapes", 0),
    keys.results("g1"),
    keys.deadlines(),
    keys.job("2-x" as never),
  ];
  assert.equal(new Set(all.map((key) => calculateSlot(key))).size, 1);
  assert.equal(new ShardKeys(0).deadlines(), "weir:{0}:deadlines");
});
