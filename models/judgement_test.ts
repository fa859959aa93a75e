import assert from "node:assert/strict";
import { ModelConfigSchema } from "../worker/models/config.ts";
import { inputFaults, outputFaults, remarks } from "./judgement.ts";

const OWN = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };

const MEANS_255 = { mean: [124, 117, 104], std: [58, 57, 57] };

function files(
  { scale = "0to1", output = {}, labels = 0 }: {
    readonly scale?: unknown;
    readonly output?: Record<string, unknown>;
    readonly labels?: number;
  },
): Parameters<typeof outputFaults>[1] {
  const input = { width: 1, height: 1, scale };
  return { config: ModelConfigSchema.parse({ input, output }), labels: Array(labels).fill("x") };
}

for (
  const [name, values, scale, fault] of [
    ["within 0 to 1", [0, 0.2, 1], "0to1", undefined],
    ["within -1 to 1", [-1, 0, 1], "minus1to1", undefined],
    ["within Caffe's", [-123.68, 151], "caffe", undefined],
    ["within own means and deviations", [-2, 0, 2], OWN, undefined],
    ["beyond the scale", [0, 255], "0to1", /0 to 255, the scale's from 0 to 1$/],
    ["below the scale", [-1, 1], "0to1", /-1 to 1, the scale's/],
    ["that are none", [NaN, 0.5], "0to1", /NaN to NaN/],
    [
      "beyond own means and deviations",
      [-700, 900],
      OWN,
      /-700 to 900, the scale's from -20 to 20$/,
    ],
    ["of means of 0 to 255", [-2, -1.8], MEANS_255, /divide those of 0 to 255 by 255$/],
    ["all the same", [0.5, 0.5], "0to1", /nearly all the same: take a photo with something/],
  ] as const
) {
  Deno.test(`judgement: a photo's numbers ${name}`, () => {
    const faults = inputFaults(Float32Array.from(values), files({ scale }));
    if (fault === undefined) assert.deepEqual(faults, []);
    else assert.match(faults.join("\n"), fault);
  });
}

for (
  const [name, scores, options, fault] of [
    ["that are probabilities", [0.25, 0.75], {}, undefined],
    ["that softmax makes probabilities", [-3, 9], { output: { activation: "softmax" } }, undefined],
    ["that sum to more", [2, 3], {}, /sums to 5, not 1: set "output\.activation" to "softmax"/],
    ["that sum to 1 by chance", [-1, 2], {}, /set "output\.activation" to "softmax"/],
    [
      "that are probabilities before softmax",
      [0.25, 0.75],
      { output: { activation: "softmax" } },
      /sums to 1 already: set "output\.activation" to "none"/,
    ],
    ["that are none", [NaN, 1, Infinity], {}, /^2 of 3 numbers that it answers are no numbers/],
    ["with a label each", [0.5, 0.5], { labels: 2 }, undefined],
    [
      "one more than labels",
      [0.2, 0.8, 0],
      { labels: 2 },
      /2 labels from class 0 on, the network has 3 classes: set "output\.firstLabel" to 1$/,
    ],
    [
      "fewer than labels",
      [0.5, 0.5],
      { labels: 5 },
      /5 labels .* 2 classes: .* another network's$/,
    ],
    ["of no classes", [5, -7], { output: { kind: "embedding" } }, undefined],
  ] as const
) {
  Deno.test(`judgement: scores ${name}`, () => {
    const faults = outputFaults(Float32Array.from(scores), files(options));
    if (fault === undefined) assert.deepEqual(faults, []);
    else assert.match(faults.join("\n"), fault);
  });
}

Deno.test("judgement: the scale is never called right, and missing labels are told", () => {
  const [scale, labels] = remarks(files({}));
  assert.match(scale!, /^no photo tells whether "input\.scale" is right/);
  assert.match(labels!, /^there are no labels, classes are named by their numbers/);
  assert.deepEqual(remarks(files({ labels: 2 })), [scale]);
  assert.deepEqual(remarks(files({ output: { kind: "embedding" } })), [scale]);
});
