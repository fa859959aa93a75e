import assert from "node:assert/strict";
import type { JobId, JobRecord } from "../../shared/job.ts";
import type { Fact, JobStory, StoryEvent, Work } from "../../shared/story.ts";
import { explanationOf, ExplanationSchema, type ExplanationView } from "./explanation.ts";

const CREATED = Date.UTC(2026, 0, 1, 12);
const ID = "0-5f8a3a9e-3c07-4c0e-9d3c-2f1f7c1f6b52" as JobId;

/** A second of work: 2 ms to begin, 600 decode, 100 wait, 200 infer. */
const WORK: Work = {
  version: "2",
  beginMs: 2,
  decodeMs: 600,
  waitMs: 100,
  inferMs: 200,
  batches: [{ number: 17, images: 9, jobs: 6, mates: ["0-a", "0-b"], ms: 199 }],
};

/** A story of facts, each with its milliseconds since the job was accepted. */
function story(
  facts: readonly (readonly [ms: number, fact: Fact])[],
  record: Partial<JobRecord> = {},
  rest: Partial<JobStory> = {},
): JobStory {
  const events = facts.map(([ms, fact]): StoryEvent => ({ at: CREATED + ms, fact }));
  const over = events.findLast(({ fact }) => fact.kind === "ended");
  return {
    record: {
      id: ID,
      owner: "",
      model: "shapes",
      state: "succeeded",
      createdAt: CREATED,
      deadlineAt: CREATED + 30_000,
      ...(over && { finishedAt: over.at }),
      attempts: 1,
      images: { total: 1, done: 1 },
      timings: {},
      ...record,
    },
    bytes: 78_000,
    gateway: "g1",
    events,
    told: ["g1"],
    missed: [],
    readAt: CREATED + 60_000,
    keptUntil: CREATED + 3_630_000,
    ...rest,
  };
}

function began(worker: string, attempt = 1, { delivery = attempt, from = 0 } = {}): Fact {
  return { kind: "began", worker, attempt, delivery, from };
}

function ended(fact: Partial<Fact & { kind: "ended" }> = {}): Fact {
  return { kind: "ended", state: "succeeded", by: "w1", role: "worker", ...fact };
}

/** Explains, and holds the document against its schema. */
function explained(told: JobStory, named = true): ExplanationView {
  const view = explanationOf(told, { named });
  ExplanationSchema.parse(view);
  return view;
}

function texts({ events }: ExplanationView): string[] {
  return events.map(({ ms, text }) => `${ms} ${text}`);
}

function picture({ timeline }: ExplanationView): string[] {
  return timeline.map(({ stage, attempt, fromMs, toMs }) =>
    `${stage}${attempt ?? ""} ${fromMs}-${toMs}`
  );
}

function ends({ attempts }: ExplanationView): string[] {
  return attempts.map(({ number, worker, end }) => `${number} ${worker} ${end}`);
}

Deno.test("a success is told with its stages, its batch and who was told", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const view = explained(
    story([[50, began("w1")], [1050, ended({ work: WORK })]], { traceparent }),
  );
  assert.deepEqual(texts(view), [
    "0 gateway g1 took it in: 1 image, 78 kB, for model shapes, to be done within 30.0 s",
    "50 worker w1 began attempt 1",
    "1050 decoding took 600 ms, waiting for the model 100 ms, version 2 of the model 200 ms; " +
    "batch 17 (9 images of 6 jobs, with 0-a, 0-b and 3 more); " +
    "succeeded, written by worker w1; told to gateway g1",
  ]);
  assert.deepEqual(picture(view), [
    "queue 0-50",
    "decode1 50-650",
    "wait1 650-750",
    "infer1 750-950",
    "reply1 950-1050",
  ]);
  assert.equal(
    view.summary,
    "succeeded after 1.1 s; most of it, 600 ms (57 %), decoding its images",
  );
  assert.equal(view.slowest, "decode");
  assert.equal(view.traceId, "0af7651916cd43dd8448eb211c80319c");
  assert.equal(view.readableUntil, "2026-01-01T13:00:30.000Z");
  assert.deepEqual(ends(view), ["1 w1 succeeded"]);
});

Deno.test("where no stage took most of the time, the longest is told", () => {
  const work = { ...WORK, decodeMs: 400, inferMs: 390 };
  const { summary } = explained(story([[50, began("w1")], [1050, ended({ work })]]));
  assert.equal(summary, "succeeded after 1.1 s; longest, 400 ms (38 %), decoding its images");
});

Deno.test("jobs of a batch are named to those alone who may see them", () => {
  const told = story([[50, began("w1")], [1050, ended({ work: WORK })]]);
  const view = explained(told, false);
  assert.doesNotMatch(JSON.stringify(view), /0-a/);
  assert.match(texts(view).at(-1)!, /batch 17 \(9 images of 6 jobs, with other jobs\)/);
});

Deno.test("a worker that fell silent is known by the one that took over", () => {
  const view = explained(story([
    [10, began("w1")],
    [30_010, began("w2", 2)],
    [31_010, ended({ by: "w2", work: WORK })],
  ]));
  assert.deepEqual(ends(view), ["1 w1 lost", "2 w2 succeeded"]);
  assert.equal(view.slowest, "lost");
  assert.match(texts(view)[2]!, /took it over from worker w1, which had fallen silent, and began/);
  assert.deepEqual(picture(view).slice(0, 3), [
    "queue 0-10",
    "lost1 10-30010",
    "decode2 30010-30610",
  ]);
});

Deno.test("a frozen worker that brings the outcome first overtakes the one that took over", () => {
  const view = explained(story([
    [10, began("w1")],
    [500, began("w2", 2)],
    [1010, ended({ work: WORK })],
  ]));
  assert.deepEqual(ends(view), ["1 w1 succeeded", "2 w2 overtaken"]);
  assert.match(texts(view).at(-1)!, /written by worker w1, late but first/);
});

Deno.test("a job that is given up tells of each attempt and of its dead letter", () => {
  const error = {
    code: "job_failed",
    detail: "given up after 2 attempts that did not end",
  } as const;
  const view = explained(story([
    [10, began("w1")],
    [1010, { kind: "put_off", worker: "w1", delayMs: 700, work: WORK }],
    [2000, began("w1", 2)],
    [40_000, ended({ state: "failed", by: "w2", dead: true })],
  ], { state: "failed", error, attempts: 2 }));
  assert.deepEqual(ends(view), ["1 w1 put_off", "2 w1 lost"]);
  assert.deepEqual(picture(view).slice(-4), [
    "reply1 910-1010",
    "pause 1010-1710",
    "queue 1710-2000",
    "lost2 2000-40000",
  ]);
  assert.match(texts(view)[2]!, /the model failed on an image; put off for 700 ms$/);
  assert.match(
    texts(view).at(-1)!,
    /failed with job_failed: given up after 2 attempts that did not end; written by worker w2, kept as a dead letter/,
  );
});

Deno.test("a refused image fails with its fault, at the stage that found it", () => {
  const error = { code: "undecodable_image", detail: "decode image: damaged" } as const;
  const work = { beginMs: 1, decodeMs: 30, batches: [] };
  const view = explained(
    story([[5, began("w1")], [36, ended({ state: "failed", work })]], { state: "failed", error }),
  );
  assert.equal(view.slowest, "decode");
  assert.match(
    texts(view).at(-1)!,
    /^36 decoding took 30 ms; failed with undecodable_image: decode/,
  );
});

Deno.test("a job that is cancelled or expires in the queue was never begun", () => {
  const cancelled = ended({ state: "cancelled", by: "g1", role: "gateway", why: "client_left" });
  const view = explained(story(
    [[400, cancelled], [900, { kind: "dropped", worker: "w1" }]],
    { state: "cancelled", attempts: 0 },
    { missed: ["g1"] },
  ));
  assert.deepEqual(picture(view), ["queue 0-400"]);
  assert.deepEqual(texts(view).slice(1), [
    "400 cancelled by gateway g1: the client that waited left, and nobody else waited; " +
    "told to nobody; gateway g1 was not there to be told",
    "900 worker w1 found its entry in the queue and removed it",
  ]);
  const late = explained(story(
    [[30_000, ended({ state: "expired", role: "maintenance" })]],
    { state: "expired", attempts: 0 },
  ));
  assert.match(texts(late)[1]!, /expired: maintenance w1 found its deadline passed/);
  assert.equal(late.slowest, "queue");
});

Deno.test("a worker that fell silent before it began is known by the one that met the job next", () => {
  const begun = explained(story([
    [9_800, began("w2", 1, { delivery: 2 })],
    [10_000, ended({ by: "w2", work: { beginMs: 1, inferMs: 200, batches: [] } })],
  ]));
  const silent = "from a worker that had been given it and fell silent, and";
  assert.equal(
    begun.summary,
    "succeeded after 10.0 s; most of it, 9.8 s (98 %), waiting for a worker to begin it: " +
      "one that had been given it fell silent before",
  );
  assert.match(texts(begun)[1]!, new RegExp(`w2 took it over ${silent} began attempt 1 `));

  const expired = { state: "expired", attempts: 0 } as const;
  const end = [30_000, ended({ state: "expired", role: "maintenance" })] as const;
  // Until another worker meets its entry, nobody knows of the first.
  const unmet = explained(story([end], expired));
  const wait = "expired after 30.0 s, all of it waiting for a worker to begin it";
  assert.equal(unmet.summary, wait);
  const met = explained(
    story([end, [30_100, { kind: "dropped", worker: "w2", delivery: 2 }]], expired),
  );
  assert.equal(met.summary, `${wait}: one that had been given it fell silent before`);
  assert.match(texts(met)[2]!, new RegExp(`w2 took it over ${silent} removed its entry$`));
  const late = explained(story([[30_000, ended({ state: "expired", delivery: 2 })]], expired));
  assert.match(texts(late)[1]!, new RegExp(`w1 took it over ${silent} found its deadline passed`));
});

Deno.test("a delivery that was begun, or is not known to be another, is no silent worker's", () => {
  const stories: [number, Fact][][] = [
    [[10, began("w1")], [30_000, began("w2", 2)]],
    [[10, began("w1")], [20, { kind: "handed_back", worker: "w1" }], [30, began("w2")]],
    [[10, began("w1")], [20, { kind: "more" }], [30, ended({ state: "expired", delivery: 5 })]],
    [[10, ended({ state: "cancelled" })], [20, { kind: "dropped", worker: "w1", delivery: 1 }]],
    [[10, ended({ state: "cancelled" })], [20, { kind: "dropped", worker: "w1" }]],
  ];
  for (const facts of stories) {
    for (const text of texts(explained(story(facts)))) assert.doesNotMatch(text, /given it/);
  }
});

Deno.test("a job that is cancelled while it runs has an attempt that ended so", () => {
  const cancelled = ended({ state: "cancelled", by: "g2", role: "gateway", why: "asked" });
  const view = explained(story([[5, began("w1")], [90, cancelled]], { state: "cancelled" }));
  assert.deepEqual(ends(view), ["1 w1 cancelled"]);
  assert.deepEqual(picture(view), ["queue 0-5", "running1 5-90"]);
});

Deno.test("a job that was handed back waits again, and one under way is told up to now", () => {
  const view = explained(story([
    [10, began("w1")],
    [20, { kind: "handed_back", worker: "w1" }],
    [500, began("w2", 1, { delivery: 1, from: 3 })],
  ], { state: "running" }));
  assert.deepEqual(ends(view), ["1 w1 handed_back", "1 w2 running"]);
  assert.deepEqual(picture(view), [
    "queue 0-10",
    "running1 10-20",
    "queue 20-500",
    "running1 500-60000",
  ]);
  assert.match(view.summary, /^running, accepted 60.0 s ago; most of it, 59.5 s/);
  assert.match(texts(view).at(-1)!, /began attempt 1, behind the 3 images answered before$/);
  const waiting = explained(story([], { state: "queued", attempts: 0 }));
  assert.equal(
    waiting.summary,
    "queued, accepted 60.0 s ago, all of it waiting for a worker to begin it",
  );
});

Deno.test("a batch that failed as a whole, a slow Redis and a replay are said to be so", () => {
  const dead = "0-00000000-0000-4000-8000-000000000000" as JobId;
  const [run] = WORK.batches;
  const work = { ...WORK, beginMs: 1500, batches: [{ ...run!, again: true as const }] };
  const facts: [number, Fact][] = [
    [10, began("w1", 1, { delivery: 2 })],
    [20, { kind: "more" }],
    [3000, ended({ work })],
  ];
  const view = explained(story(facts, {}, { replayOf: dead }));
  assert.match(texts(view)[0]!, new RegExp(`took it in, made of the dead letter of job ${dead}:`));
  assert.match(texts(view)[1]!, /and began attempt 1 \(delivery 2 of its entry\)$/);
  assert.equal(texts(view)[2], "20 more happened than is kept here");
  assert.match(texts(view)[3]!, /Redis took 1.5 s to begin it, .*one by one\); succeeded/);
  assert.equal(view.slowest, "reply");
});
