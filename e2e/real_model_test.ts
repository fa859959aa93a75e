import assert from "node:assert/strict";
import { join } from "node:path";
import { type Answer, call, form, inParallel, post } from "./client.ts";
import { ROOT } from "./program.ts";
import { testWeir } from "./weir.ts";

/** Beside the checkout, where it is there at all; the engines' own tests say so on a line. */
const DATA = join(ROOT, "..", "shared", "data");
const absent = !await Deno.stat(DATA).then(() => true, () => false);

/** Photos, and what MobileNetV2 must see in them. */
const PHOTOS = [["castle_image.jpg", "castle"], ["jemma.png", "beagle"]] as const;

const POSTS = 64;

function assertIs(predictions: { label: string; probability: number }[], label: string): void {
  assert.equal(predictions[0]?.label, label);
  assert(predictions[0]!.probability >= 0.9, `${label}: ${predictions[0]!.probability}`);
}

for (const engine of ["tensorflow", "wasm"]) {
  testWeir(
    `the real model names castle and beagle, to one client and to ${POSTS} at once, by ${engine}`,
    { ignore: absent, env: { WEIR_ENGINE: engine, WEIR_MODELS: join(DATA, "models") } },
    async ({ url }) => {
      const photos = await Promise.all(
        PHOTOS.map(async ([file, label]) => ({
          bytes: await Deno.readFile(join(DATA, "images", file)),
          label,
        })),
      );
      const { models: [{ engine: serving }] } = (await call(`${url}/v1/models`)).body;
      assert.equal(serving, engine);
      for (const { bytes, label } of photos) {
        const { status, body } = await post(`${url}/predict`, form(bytes));
        assert.equal(status, 200);
        assert.equal(body.success, true);
        assert.equal(body.predictions.length, 5);
        assertIs(body.predictions, label);
      }
      const several = await post(`${url}/predict?top=1`, form(...photos.map(({ bytes }) => bytes)));
      photos.forEach(({ label }, i) => assertIs(several.body.results[i].predictions, label));

      const answers: Answer[] = await inParallel(
        POSTS,
        POSTS,
        (i) => post(`${url}/predict`, form(photos[i % 2]!.bytes)),
      );
      answers.forEach(({ status, body }, i) => {
        assert.equal(status, 200, JSON.stringify(body));
        assertIs(body.predictions, photos[i % 2]!.label);
      });
    },
  );
}
