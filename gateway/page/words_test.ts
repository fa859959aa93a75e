import assert from "node:assert/strict";
import { counted, duration, percent, sentence } from "./words.ts";

Deno.test("a probability is told in percent, and never as nothing where there is something", () => {
  const probabilities = [0, 0.0001, 0.0005, 0.1234, 0.99951, 1];
  assert.deepEqual(
    probabilities.map(percent),
    ["0.0%", "<0.1%", "0.1%", "12.3%", "100.0%", "100.0%"],
  );
});

Deno.test("a duration has two digits or three", () => {
  assert.deepEqual(
    [0, 1.26, 9.94, 9.96, 999.4, 999.6, 12_345].map(duration),
    ["0.0 ms", "1.3 ms", "9.9 ms", "10 ms", "999 ms", "1.0 s", "12.3 s"],
  );
});

Deno.test("a detail becomes a sentence once", () => {
  assert.equal(sentence("the image is damaged"), "The image is damaged.");
  assert.equal(sentence("Is it running?"), "Is it running?");
});

Deno.test("a number of things agrees with its noun", () => {
  assert.deepEqual([0, 1, 2].map((n) => counted(n, "photo")), ["0 photos", "1 photo", "2 photos"]);
});
