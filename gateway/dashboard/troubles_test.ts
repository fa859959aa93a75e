import assert from "node:assert/strict";
import type { ModelOverview, Overview } from "../../shared/overview.ts";
import { troublesOf } from "./troubles.ts";

const LIMITS = { jobs: 100, bytes: 1_000 };

const MODEL: ModelOverview = {
  ...{ model: "shapes", workers: 1, jobs: 0, bytes: 0, pending: 0, oldestMs: 0 },
  ...{ deadLetters: 0, deadBytes: 0 },
};

const WELL: Overview = {
  readAt: 0,
  shards: [{ number: 0, breakerOpen: false, read: true }],
  models: [MODEL],
  workers: [{ name: "w1", models: ["shapes"], alive: { engine: "wasm", beatMs: 1 } }],
  gateways: ["g1"],
  servers: [],
};

/** What is said of a deployment that is well but for something. */
function said(ill: Partial<Overview>): string[] {
  return troublesOf({ ...WELL, ...ill }, LIMITS).map(({ level, text }) => `${level}: ${text}`);
}

const model = (ill: Partial<ModelOverview>) => said({ models: [{ ...MODEL, ...ill }] });

Deno.test("nothing is said where all is well", () => {
  assert.deepEqual(said({}), []);
  assert.deepEqual(model({ jobs: 79, bytes: 790, oldestMs: 9_900 }), []);
});

Deno.test("a model without a worker is told of, with what waits for it and how long", () => {
  const none = "fault: No worker is alive for model “shapes”; ";
  assert.deepEqual(model({ workers: 0 }), [`${none}what is sent now waits until one is started.`]);
  assert.deepEqual(
    model({ workers: 0, jobs: 1, oldestMs: 1_900 }),
    [`${none}1 job waits, the oldest for 1 second.`],
  );
  assert.deepEqual(
    model({ workers: 0, jobs: 7, oldestMs: 125_000 }),
    [`${none}7 jobs wait, the oldest for 2 minutes.`],
  );
  assert.deepEqual(said({ models: [] }), ["fault: No worker has offered a model yet."]);
});

Deno.test("a queue that is long or nearly full is told of before jobs are refused", () => {
  const oldest = "warning: The oldest job of model “shapes” has been there for";
  assert.deepEqual(model({ jobs: 9, oldestMs: 31_000 }), [`${oldest} 31 seconds; 9 are not done.`]);
  assert.deepEqual(model({ jobs: 1, oldestMs: 10_900 }), [`${oldest} 10 seconds; 1 is not done.`]);
  for (const full of [{ jobs: 90 }, { jobs: 1, bytes: 900 }]) {
    assert.deepEqual(model(full), [
      "warning: The queue of model “shapes” is 90% full; when it is full, jobs are refused.",
    ]);
  }
});

Deno.test("a Redis that is away, in part or as a whole, is told of", () => {
  const shards = [0, 1].map((number) => ({ number, breakerOpen: true, read: number === 0 }));
  assert.deepEqual(said({ shards }), ["fault: Redis does not answer for shard 1."]);
  assert.deepEqual(said({ shards: shards.slice(1), models: [] }), [
    "fault: Redis does not answer: new requests are refused as “busy”.",
  ]);
});

Deno.test("a silent worker and scarce memory are told of", () => {
  const workers = [{ name: "w1", models: ["shapes"], alive: undefined }];
  assert.deepEqual(said({ workers }), [
    "warning: Worker “w1” has been silent for too long: another one takes its jobs over.",
  ]);
  const server = { shard: 0, version: "7", connections: 1, commands: 1, commandsPerSecond: 1 };
  const memory = (memoryBytes: number, memoryBytesMax: number) =>
    said({ servers: [{ ...server, memoryBytes, memoryBytesMax }] });
  assert.deepEqual([memory(99, 0), memory(89, 100)], [[], []]);
  assert.deepEqual(memory(95, 100), [
    "warning: Redis has used 95% of its memory; when it is full, jobs are refused.",
  ]);
});
