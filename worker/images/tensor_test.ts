import assert from "node:assert/strict";
import { packTensor } from "../../shared/tensor.ts";
import { ModelConfigSchema } from "../models/config.ts";
import { readTensor } from "./tensor.ts";

const { input } = ModelConfigSchema.parse({ input: { width: 3, height: 2 } });
const VALUES = Float32Array.from({ length: 18 }, (_, i) => i - 9.5);

Deno.test("a tensor of the model's shape is what the network takes", () => {
  const bytes = packTensor(new Uint8Array(VALUES.buffer), [2, 3, 3]);
  assert.deepEqual(readTensor(bytes, input), { ok: true, pixels: VALUES });
});

Deno.test("a tensor of another version's shape is the client's fault, and says so", () => {
  const bytes = packTensor(new Uint8Array(VALUES.buffer), [3, 2, 3]);
  assert.deepEqual(readTensor(bytes, input), {
    ok: false,
    code: "invalid_request",
    detail: "read tensor: expected the shape of the model's input, [2, 3, 3]",
  });
});
