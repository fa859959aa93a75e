import assert from "node:assert/strict";
import sharp from "sharp";
import { checkImage } from "../gateway/intake/header.ts";
import { imageOf } from "./image.ts";

Deno.test("an image is taken by the gateway, and its pixel has the number's colour", async () => {
  for (const number of [0, 1, 0x123456, 0xffffff]) {
    const bytes = imageOf(number);
    assert.equal(checkImage(bytes, { pixelsMax: 1 }).ok, true);
    const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({
      resolveWithObject: true,
    });
    assert.deepEqual([info.width, info.height], [1, 1]);
    assert.equal(data[0]! << 16 | data[1]! << 8 | data[2]!, number);
  }
});
