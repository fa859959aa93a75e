import assert from "node:assert/strict";
import fc from "fast-check";
import { type AnswerOptions, predictionsOf } from "./answer.ts";

const scores = fc.float32Array({
  minLength: 1,
  maxLength: 50,
  noNaN: true,
  noDefaultInfinity: true,
});

function options(change: Partial<AnswerOptions> = {}): AnswerOptions {
  return { output: { activation: "none", firstLabel: 0 }, labels: [], top: 100, ...change };
}

const softmaxed = options({ output: { activation: "softmax", firstLabel: 0 } });

Deno.test("answer holds every class once where top allows, never rising, ties by class", () => {
  fc.assert(fc.property(scores, (scores) => {
    const answer = predictionsOf(scores, options());
    assert.equal(new Set(answer.map(({ label }) => label)).size, scores.length);
    for (const { label, probability } of answer) assert.equal(probability, scores[Number(label)]);
    answer.slice(1).forEach((next, i) => {
      const before = answer[i]!;
      assert(before.probability >= next.probability);
      if (before.probability === next.probability) {
        assert(Number(before.label) < Number(next.label));
      }
    });
  }));
});

Deno.test("answer with a smaller top is the beginning of the whole answer", () => {
  fc.assert(fc.property(scores, fc.integer({ min: 1, max: 100 }), (scores, top) => {
    const whole = predictionsOf(scores, options());
    assert.deepEqual(predictionsOf(scores, options({ top })), whole.slice(0, top));
  }));
});

Deno.test("answer's softmax sums to 1 and keeps the order, however great the scores", () => {
  fc.assert(fc.property(scores, (scores) => {
    const answer = predictionsOf(scores, softmaxed);
    const sum = answer.reduce((total, { probability }) => total + probability, 0);
    assert(Math.abs(sum - 1) < 1e-9, `sum is ${sum}`);
    assert(answer.every(({ probability }) => probability >= 0 && probability <= 1));
    const best = scores.indexOf(Math.max(...scores));
    assert.equal(answer[0]?.label, String(best));
  }));
});

Deno.test("answer's softmax is the one of the textbook", () => {
  const [first, second] = predictionsOf(Float32Array.of(0, Math.log(3)), softmaxed);
  assert.equal(first?.label, "1");
  assert(Math.abs(first.probability - 0.75) < 1e-7);
  assert(Math.abs((second?.probability ?? NaN) - 0.25) < 1e-7);
});

Deno.test("answer leaves out the classes below firstLabel and names the others from there", () => {
  const output = { activation: "none", firstLabel: 1 } as const;
  const labels = ["cat", "dog"];
  assert.deepEqual(predictionsOf(Float32Array.of(0.5, 0.125, 0.375), options({ output, labels })), [
    { label: "dog", probability: 0.375 },
    { label: "cat", probability: 0.125 },
  ]);
});

Deno.test("answer is empty where the network gave nothing", () => {
  assert.deepEqual(predictionsOf(new Float32Array(), options()), []);
  assert.deepEqual(predictionsOf(new Float32Array(), softmaxed), []);
});

Deno.test("answer refuses a score that is not finite", () => {
  for (const score of [NaN, Infinity, -Infinity]) {
    assert.throws(() => predictionsOf(Float32Array.of(0, score), options()), RangeError);
  }
});
