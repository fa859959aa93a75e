import assert from "node:assert/strict";
import { join } from "node:path";
import type { Prediction } from "../../shared/job.ts";

const DATA = join(import.meta.dirname ?? "", "..", "..", "..", "shared", "data");

/** Photos, and what MobileNetV2 must see in them. */
const PHOTOS = [["castle_image.jpg", "castle"], ["jemma.png", "beagle"]] as const;

interface Answer {
  readonly scores: readonly number[];
  readonly predictions: readonly Prediction[];
}

/** Runs an engine on the photos, as a worker does: in a process of its own. */
async function answersOf(engine: string): Promise<readonly Answer[]> {
  const photos = PHOTOS.map(([file]) => join(DATA, "images", file));
  const script = join(import.meta.dirname ?? "", "testing", "print_scores.ts");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "-A", script, engine, join(DATA, "models"), ...photos],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("tensorflow and wasm see castle and beagle in the photos and agree to 1e-3", async () => {
  const real = await Deno.stat(DATA).then(() => true, () => false);
  // deno-lint-ignore no-console -- CI reads this line
  console.log(`real model: ${real ? "used" : "absent"}`);
  if (!real) return;
  const [native, wasm] = await Promise.all([answersOf("tensorflow"), answersOf("wasm")]);
  PHOTOS.forEach(([photo, label], i) => {
    for (const answer of [native[i], wasm[i]]) {
      const best = answer?.predictions[0];
      assert.equal(best?.label, label, photo);
      assert(best.probability >= 0.9, `${photo}: ${best.probability}`);
    }
    assert.equal(native[i]?.scores.length, 1001);
    native[i].scores.forEach((score, n) => {
      const other = wasm[i]?.scores[n] ?? NaN;
      assert(Math.abs(score - other) <= 1e-3, `${photo}, class ${n}: ${score} and ${other}`);
    });
  });
});
