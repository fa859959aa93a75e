import fc from "fast-check";
import assert from "node:assert/strict";
import type { ImageAnswer } from "../job.ts";
import { newJob, openBroker, readOne, submit, success } from "../testing/broker.ts";
import { eventsOf, fieldsOf, parseRecord } from "./record.ts";

const { id } = newJob();

/** The fields that every record has, as Redis gives them. */
const FIELDS = {
  state: "queued",
  model: "shapes",
  created: "1763718546123",
  deadline: "1763718576123",
  total: "2",
};

Deno.test("a queued job's record has what is known of it and no more", () => {
  assert.deepEqual(parseRecord(id, FIELDS), {
    id,
    owner: "",
    model: "shapes",
    state: "queued",
    createdAt: 1_763_718_546_123,
    deadlineAt: 1_763_718_576_123,
    attempts: 0,
    images: { total: 2, done: 0 },
    timings: {},
  });
});

Deno.test("a failed job's record has its times and its fault", () => {
  const error = { code: "undecodable_image", detail: "damaged" };
  const record = parseRecord(id, {
    ...FIELDS,
    state: "failed",
    started: "1763718546125",
    finished: "1763718546140",
    attempts: "2",
    error: JSON.stringify(error),
    queueMs: "2",
    decodeMs: "3.25",
    totalMs: "17",
  });
  assert.equal(record?.startedAt, 1_763_718_546_125);
  assert.equal(record.finishedAt, 1_763_718_546_140);
  assert.equal(record.attempts, 2);
  assert.deepEqual(record.error, error);
  assert.deepEqual(record.timings, { queueMs: 2, decodeMs: 3.25, totalMs: 17 });
});

Deno.test("a hash that is not there is no record", () => {
  assert.equal(parseRecord(id, {}), undefined);
});

for (
  const [name, wrong] of [
    ["an unknown state", { state: "lost" }],
    ["a time that is no number", { created: "yesterday" }],
    ["results of another shape", { results: '{"label":"star"}' }],
    ["an unknown code", { error: '{"code":"oops","detail":""}' }],
  ] as const
) {
  Deno.test(`a record with ${name} is a bug, not a value`, () => {
    assert.throws(() => parseRecord(id, { ...FIELDS, ...wrong }));
  });
}

Deno.test("names and values become an object", () => {
  assert.deepEqual(fieldsOf([]), {});
  assert.deepEqual(fieldsOf(["a", "1", "b", "2"]), { a: "1", b: "2" });
});

Deno.test("any answer comes back from redis as the worker gave it", async () => {
  await using broker = await openBroker();
  const prediction = fc.record({
    label: fc.string({ unit: "grapheme" }),
    probability: fc.double({ min: 0, max: 1, noNaN: true }).map((number) => number + 0),
  }, { noNullPrototype: true });
  const numbers = fc.float32Array({ maxLength: 9, noNaN: true });
  const answer: fc.Arbitrary<ImageAnswer> = fc.oneof(
    fc.array(prediction, { maxLength: 4 }).map((predictions) => ({ predictions })),
    numbers.map((embedding) => ({ embedding })),
    numbers.map((data) => ({ tensor: { shape: [data.length, 1], data } })),
  );
  const answers = fc.array(answer, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(answers, async (results) => {
      const images = results.map(() => ({ bytes: new Uint8Array([1]) }));
      const id = await submit(broker, { images });
      const delivery = await readOne(broker.source);
      await broker.source.begin([delivery]);
      const outcome = { state: "succeeded", results, timings: {} } as const;
      await broker.source.settle([{ ...success(delivery), outcome }]);
      const record = await broker.queue.get(id);
      assert.deepEqual(record?.results, results);
    }),
    { numRuns: 30 },
  );
});

Deno.test("events that lie one after the other are taken apart, and what belongs to none is left out", () => {
  assert.deepEqual(eventsOf([]), []);
  assert.deepEqual(eventsOf(["hello", "g1"]), []);
  assert.deepEqual(eventsOf(["id", "a", "state", "id", "id", "b", "state", "x"]), [
    { id: "a", state: "id" },
    { id: "b", state: "x" },
  ]);
});
