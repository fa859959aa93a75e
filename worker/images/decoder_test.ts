import assert from "node:assert/strict";
import { Decoder, DECODES_PER_CORE } from "./decoder.ts";
import { quarters, specOf } from "./testing/pictures.ts";

Deno.test("decoder: no more photos are decoded at once than cores can use, and all in the end", async () => {
  const threads = 3;
  let atOnce = 0;
  let most = 0;
  const started: number[] = [];
  const decoder = new Decoder({
    threads,
    pixelsMax: 9,
    decodeImage: async ([number]) => {
      started.push(number!);
      most = Math.max(most, ++atOnce);
      await Promise.resolve();
      atOnce--;
      return { ok: true, pixels: Uint8Array.of(number!) };
    },
  });
  const numbers = Array.from({ length: 40 }, (_, i) => i);
  const decoded = await Promise.all(
    numbers.map((number) => decoder.decode(Uint8Array.of(number), specOf())),
  );
  assert.deepEqual(decoded.map((each) => each.ok && each.pixels[0]), numbers);
  assert.deepEqual(started, numbers);
  assert.equal(most, threads * DECODES_PER_CORE);
});

Deno.test("decoder: photos are bounded by their pixels", async () => {
  const file = await quarters(10, 10).png().toBuffer();
  const spec = specOf({ width: 10, height: 10 });
  const codeOf = async (pixelsMax: number) => {
    const decoded = await new Decoder({ threads: 1, pixelsMax }).decode(file, spec);
    return decoded.ok ? "ok" : decoded.code;
  };
  assert.equal(await codeOf(100), "ok");
  assert.equal(await codeOf(99), "payload_too_large");
});
