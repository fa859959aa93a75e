import assert from "node:assert/strict";
import { type Asked, idempotencyOf } from "./idempotency.ts";

const asked: Asked = { images: [Uint8Array.of(1, 2)], model: "shapes", version: "1", top: 5 };

Deno.test("the same request with the same key is the same, from another array as well", () => {
  const again = { ...asked, images: [Uint8Array.of(0, 1, 2).subarray(1)] };
  assert.deepEqual(idempotencyOf("", "key", again), idempotencyOf("", "key", asked));
});

const others: [name: string, other: Partial<Asked>][] = [
  ["model", { model: "imagenet" }],
  ["version", { version: "2" }],
  ["default version", { version: undefined }],
  ["number of predictions", { top: 4 }],
  ["default number of predictions", { top: undefined }],
  ["image", { images: [Uint8Array.of(1, 3)] }],
  ["number of images", { images: [Uint8Array.of(1), Uint8Array.of(2)] }],
  ["order of images", { images: [Uint8Array.of(2), Uint8Array.of(1)] }],
];

for (const [name, other] of others) {
  Deno.test(`another ${name} is another request under the same key`, () => {
    const first = idempotencyOf("", "key", asked);
    const second = idempotencyOf("", "key", { ...asked, ...other });
    assert.equal(second.digest, first.digest);
    assert.notEqual(second.fingerprint, first.fingerprint);
  });
}

Deno.test("keys of two owners never meet", () => {
  const digests = [["a", "bc"], ["ab", "c"], ["", "abc"], ["", 'abc"'], ["b", "bc"]].map((
    [owner, key],
  ) => idempotencyOf(owner!, key!, asked).digest);
  assert.equal(new Set(digests).size, digests.length);
});
