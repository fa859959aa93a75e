import fc from "fast-check";
import assert from "node:assert/strict";
import { AnswerSchema, answerView, imageAnswerView, numbersOf } from "./answer_view.ts";

const star = { predictions: [{ label: "star", probability: 0.75 }] };
const ring = { predictions: [{ label: "ring", probability: 0.5 }] };

Deno.test("an answer names results only where there are several images", () => {
  assert.deepEqual(answerView([star]), star);
  assert.deepEqual(answerView([star, ring]), { ...star, results: [star, ring] });
  const [one, two] = [Float32Array.of(0.1, 2), Float32Array.of(-3, 4)];
  assert.deepEqual(answerView([{ embedding: one }, { embedding: two }]), {
    embedding: [0.1, 2],
    results: [{ embedding: [0.1, 2] }, { embedding: [-3, 4] }],
  });
});

Deno.test("a tensor is shown with its shape, a single number too", () => {
  const tensor = (shape: number[], ...values: number[]) =>
    imageAnswerView({ tensor: { shape, data: Float32Array.from(values) } });
  assert.deepEqual(tensor([2, 1], 0.1, 0.2), { tensor: { shape: [2, 1], data: [0.1, 0.2] } });
  assert.deepEqual(tensor([], 7), { tensor: { shape: [], data: [7] } });
});

Deno.test("an answer is of one kind", () => {
  for (
    const wrong of [{}, { results: [star] }, { predictions: [], results: [{ embedding: [] }] }]
  ) {
    assert(!AnswerSchema.safeParse(wrong).success, JSON.stringify(wrong));
  }
  assert.deepEqual(AnswerSchema.parse(answerView([star, ring])), answerView([star, ring]));
});

Deno.test("numbers have no more digits than it takes to make the same float32", () => {
  const values = Float32Array.of(0.1, 1 / 3, -0, 16_777_217, 1e-45, 3.4028234663852886e38, 9e9);
  const texts = numbersOf(values).map(String);
  assert.deepEqual(texts, [
    "0.1",
    "0.33333334",
    "0",
    "16777216",
    "1.4013e-45",
    "3.4028235e+38",
    "9000000000",
  ]);
  fc.assert(fc.property(fc.float32Array({ noNaN: true, noDefaultInfinity: true }), (values) => {
    const numbers = numbersOf(values);
    // JSON has no zero below zero.
    assert.deepEqual(Float32Array.from(numbers), values.map((value) => value + 0));
    for (const number of numbers) assert.equal(number, Number(number.toPrecision(9)));
  }));
});
