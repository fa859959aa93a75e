import assert from "node:assert/strict";
import {
  ago,
  answerInWords,
  bytes,
  counted,
  duration,
  firstOf,
  number,
  percent,
  sentence,
  shapeInWords,
} from "./words.ts";

Deno.test("a probability is told in percent, and never as nothing where there is something", () => {
  const probabilities = [0, 0.0001, 0.0005, 0.1234, 0.99951, 1];
  assert.deepEqual(
    probabilities.map(percent),
    ["0.0%", "<0.1%", "0.1%", "12.3%", "100.0%", "100.0%"],
  );
});

Deno.test("an answer is told by its best class, or by how many numbers it has", () => {
  const star = { label: "star", probability: 0.75 };
  assert.equal(answerInWords({ predictions: [star] }), "star, 75.0%");
  assert.equal(answerInWords({ predictions: [] }), "answered");
  assert.equal(answerInWords({ embedding: [1, 2, 3] }), "3 numbers");
  assert.equal(answerInWords({ tensor: { shape: [2, 1], data: [1, 2] } }), "2 × 1 numbers");
  assert.equal(shapeInWords([]), "1 number");
  assert.equal(firstOf([0.123456, -2, 1e-7]), "0.1235, -2, 1e-7");
  assert.equal(firstOf([1, 2, 3, 4, 5, 6]), "1, 2, 3, 4, 5, …");
});

Deno.test("a duration has two digits or three", () => {
  assert.deepEqual(
    [0, 1.26, 9.94, 9.96, 999.4, 999.6, 12_345, 100_000, 7_200_000].map(duration),
    ["0.0 ms", "1.3 ms", "9.9 ms", "10 ms", "999 ms", "1.0 s", "12.3 s", "2 min", "2 h"],
  );
});

Deno.test("a number has the digits that mean something", () => {
  assert.deepEqual([0, 0.04, 3.14, 99.94, 99.96, 12_345].map(number), [
    ...["0", "0", "3.1", "99.9", "100", "12,345"],
  ]);
});

Deno.test("bytes are told in a unit that suits them", () => {
  assert.deepEqual([0, 999, 1000, 78_000, 268_435_456, 5e12].map(bytes), [
    ...["0 B", "999 B", "1 kB", "78 kB", "268 MB", "5,000 GB"],
  ]);
});

Deno.test("a detail becomes a sentence once", () => {
  assert.equal(sentence("the image is damaged"), "The image is damaged.");
  assert.equal(sentence("Is it running?"), "Is it running?");
});

Deno.test("a number of things agrees with its noun", () => {
  assert.deepEqual([0, 1, 2].map((n) => counted(n, "photo")), ["0 photos", "1 photo", "2 photos"]);
});

Deno.test("how long ago something was is told in whole seconds", () => {
  assert.deepEqual([0, 999, 1_000, 8_400, 61_400, 100_000].map(ago), [
    ...["just now", "just now", "1 s ago", "8 s ago", "61 s ago", "2 min ago"],
  ]);
});
