import assert from "node:assert/strict";
import { guessOutput, makeSettings } from "./settings.ts";

const SIZE = { width: 20, height: 10 };

/** What is guessed of a network that answers so. */
function guessed(
  scores: readonly number[],
  labels: readonly string[] = [],
  output: Record<string, unknown> = {},
): unknown {
  const made = { settings: { output }, notes: ["before"] };
  const guess = guessOutput(made, Float32Array.from(scores), { labels });
  const added = Object.keys(guess.settings.output as object).length - Object.keys(output).length;
  assert.equal(guess.notes.length, 1 + added, "each guess is told");
  return guess.settings.output;
}

Deno.test("settings: what is told goes before what came along, and that before what files say", () => {
  const base = { input: { width: 5, scale: "caffe" }, output: { kind: "tensor" }, labels: "a.txt" };
  assert.throws(() => makeSettings(base, {}, SIZE), /"labels": is for classes alone/);
  const told = { width: 7, kind: "classes", activation: "softmax" };
  assert.deepEqual(makeSettings(base, told, SIZE), {
    settings: {
      labels: "a.txt",
      input: { width: 7, height: 10, scale: "caffe" },
      output: { kind: "classes", activation: "softmax" },
    },
    notes: [],
  });
  assert.deepEqual(base.input, { width: 5, scale: "caffe" });
});

Deno.test("settings: own means and deviations are JSON, and are checked", () => {
  const scale = { mean: [0, 0, 0], std: [1, 1, 1] };
  const { settings } = makeSettings({}, { scale: JSON.stringify(scale) }, SIZE);
  assert.deepEqual(settings.input, { ...SIZE, scale });
  const none = { scale: JSON.stringify({ ...scale, std: [1, 1, 0] }) };
  assert.throws(() => makeSettings({}, none, SIZE), /"input\.scale\.std": expected no 0$/);
});

Deno.test("settings: one side alone is not enough", () => {
  assert.throws(() => makeSettings({}, { width: 7 }, {}), /give --width and --height$/);
});

Deno.test("settings: an answer that sums to 1 needs no softmax, nor do classes that stand alone", () => {
  for (const scores of [[0.25, 0.75], [1.004, 0], [0.9, 0.8], [0, 0]]) {
    assert.deepEqual(guessed(scores), { activation: "none" }, String(scores));
  }
  for (const scores of [[-0.5, 1.5], [3, 4]]) {
    assert.deepEqual(guessed(scores), { activation: "softmax" }, String(scores));
  }
});

Deno.test("settings: one class more than labels is a background, where there are labels", () => {
  assert.deepEqual(guessed([0.5, 0.5], ["a"]), { activation: "none", firstLabel: 1 });
  assert.deepEqual(guessed([1], []), { activation: "none" });
  assert.deepEqual(guessed([0.5, 0.5], ["a", "b"]), { activation: "none" });
});

Deno.test("settings: what was said is not guessed, and of numbers nothing is", () => {
  const said = { activation: "softmax", firstLabel: 0 };
  assert.deepEqual(guessed([0.5, 0.5], ["a"], said), said);
  assert.deepEqual(guessed([3, 4], [], { kind: "embedding" }), { kind: "embedding" });
});
