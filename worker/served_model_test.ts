import assert from "node:assert/strict";
import type { BatchImage } from "./served_model.ts";
import { BAD, LABELS, MODEL, pixelsOf, testModel } from "./testing/jobs.ts";

const forever = new AbortController().signal;

function image(number: number, top?: number): BatchImage {
  return { pixels: pixelsOf(Uint8Array.of(number)), top };
}

Deno.test("served model answers in the order of the images, as many classes as asked for", async () => {
  const { served } = testModel();
  const answers = await served.classify([image(2), image(0, 2), image(3, 100)], forever);
  assert.deepEqual(answers[0], [{ label: "two", probability: 0.75 }]);
  assert.deepEqual(answers[1], [
    { label: "zero", probability: 0.75 },
    { label: "one", probability: 0.25 },
  ]);
  assert.deepEqual(answers[2]?.map(({ label }) => label), ["three", "zero", "one", "two"]);
});

Deno.test("served model gives the network a tensor as it is, beside photos", async () => {
  const { served } = testModel();
  const tensor = { pixels: Float32Array.of(2, 0, 0), top: undefined };
  const answers = await served.classify([image(1), tensor, image(3)], forever);
  assert.deepEqual(answers.map(([first]) => first?.label), ["one", "two", "three"]);
});

Deno.test("served model forgets a larger batch before a smaller one", async () => {
  const { served, batches } = testModel();
  for (const numbers of [[1, 2, 3], [0], [3, 0]]) {
    const answers = await served.classify(numbers.map((number) => image(number)), forever);
    assert.deepEqual(answers.map(([first]) => first?.label), numbers.map((n) => LABELS[n]));
  }
  assert.deepEqual(batches, [3, 1, 2]);
});

Deno.test("served model fails as its network does", async () => {
  const { served } = testModel();
  await assert.rejects(served.classify([image(0), image(BAD)], forever), /no such number/);
});

Deno.test("served model's card says what clients may know", () => {
  assert.deepEqual(testModel().served.card, {
    name: MODEL,
    version: "2",
    default: true,
    engine: "wasm",
    input: { width: 1, height: 1 },
    top: 1,
    labels: LABELS,
  });
});
