import assert from "node:assert/strict";
import fc from "fast-check";
import { OUTPUT_KINDS } from "../../shared/model_card.ts";
import { answerOf, type AnswerOptions, predictionsOf } from "./answer.ts";

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

/** Of a net that answers with numbers of the shape. */
function asked(
  kind: (typeof OUTPUT_KINDS)[number],
  shape: readonly number[],
): Parameters<typeof answerOf>[1] {
  return { ...options(), output: { kind, activation: "none", firstLabel: 0 }, shape };
}

Deno.test("answer is of the kind that the settings say, the network's own numbers", () => {
  const values = Float32Array.of(0.5, -0.125, 3, 4);
  assert.deepEqual(answerOf(values, asked("embedding", [4])), { embedding: values });
  const tensor = { shape: [2, 1, 2], data: values };
  assert.deepEqual(answerOf(values, asked("tensor", [2, 1, 2])), { tensor });
  const predictions = predictionsOf(values, options());
  assert.deepEqual(answerOf(values, asked("classes", [4])), { predictions });
});

Deno.test("answer refuses a number that is not finite, of any kind", () => {
  for (const score of [NaN, Infinity, -Infinity]) {
    for (const kind of OUTPUT_KINDS) {
      assert.throws(() => answerOf(Float32Array.of(0, score), asked(kind, [2])), RangeError);
    }
  }
});
