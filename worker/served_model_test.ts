import assert from "node:assert/strict";
import { classesOf, type ImageAnswer } from "../shared/job.ts";
import type { BatchImage } from "./served_model.ts";
import { BAD, LABELS, MODEL, pixelsOf, testModel } from "./testing/jobs.ts";

const forever = new AbortController().signal;

function image(number: number, top?: number): BatchImage {
  return { pixels: pixelsOf(Uint8Array.of(number)), top };
}

function bestOf(answer: ImageAnswer): string | undefined {
  return classesOf(answer)[0]?.label;
}

Deno.test("served model answers in the order of the images, as many classes as asked for", async () => {
  const { served } = testModel();
  const answers = await served.answer([image(2), image(0, 2), image(3, 100)], forever);
  assert.deepEqual(classesOf(answers[0]), [{ label: "two", probability: 0.75 }]);
  assert.deepEqual(classesOf(answers[1]), [
    { label: "zero", probability: 0.75 },
    { label: "one", probability: 0.25 },
  ]);
  assert.deepEqual(classesOf(answers[2]).map(({ label }) => label), [
    "three",
    "zero",
    "one",
    "two",
  ]);
});

Deno.test("served model gives the network a tensor as it is, beside photos", async () => {
  const { served } = testModel();
  const tensor = { pixels: Float32Array.of(2, 0, 0), top: undefined };
  const answers = await served.answer([image(1), tensor, image(3)], forever);
  assert.deepEqual(answers.map(bestOf), ["one", "two", "three"]);
});

Deno.test("served model forgets a larger batch before a smaller one", async () => {
  const { served, batches } = testModel();
  for (const numbers of [[1, 2, 3], [0], [3, 0]]) {
    const answers = await served.answer(numbers.map((number) => image(number)), forever);
    assert.deepEqual(answers.map(bestOf), numbers.map((n) => LABELS[n]));
  }
  assert.deepEqual(batches, [3, 1, 2]);
});

Deno.test("served model fails as its network does", async () => {
  const { served } = testModel();
  await assert.rejects(served.answer([image(0), image(BAD)], forever), /no such number/);
});

Deno.test("served model's card says what clients may know", () => {
  assert.deepEqual(testModel().served.card, {
    name: MODEL,
    version: "2",
    default: true,
    engine: "wasm",
    input: { width: 1, height: 1 },
    output: { kind: "classes", shape: [4] },
    top: 1,
    labels: LABELS,
  });
});
