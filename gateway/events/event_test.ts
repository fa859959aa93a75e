import assert from "node:assert/strict";
import fc from "fast-check";
import type { JobEvent } from "../../shared/broker.ts";
import type { ImageAnswer, JobId, JobRecord } from "../../shared/job.ts";
import { eventsOf, type FollowedEvent, isTold, lastId, NOTHING } from "./event.ts";

const ID = "0-5f8a3a9e-3c07-4c0e-9d3c-2f1f7c1f6b52" as JobId;
const TOTAL = 4;

const QUEUED: JobRecord = {
  id: ID,
  owner: "",
  model: "shapes",
  state: "queued",
  createdAt: 1_000,
  deadlineAt: 31_000,
  attempts: 0,
  images: { total: TOTAL, done: 0 },
  timings: {},
};
const BEGUN: JobRecord = {
  ...QUEUED,
  state: "running",
  startedAt: 1_500,
  attempts: 1,
  timings: { queueMs: 500 },
};
const DONE: JobRecord = {
  ...withAnswers(BEGUN, TOTAL),
  state: "succeeded",
  finishedAt: 3_000,
  timings: { queueMs: 500, totalMs: 2_000 },
};

function answersOf(from: number, to: number): ImageAnswer[] {
  return Array.from({ length: to - from }, (_, i) => ({
    predictions: [{ label: `image ${from + i}`, probability: 0.5 }],
  }));
}

function withAnswers(record: JobRecord, done: number, kept = done): JobRecord {
  const answered = { ...record, images: { total: TOTAL, done } };
  return kept === 0 ? answered : { ...answered, results: answersOf(0, kept) };
}

/** News of answers as they come. */
function progress(from: number, to: number, record = BEGUN): JobEvent {
  const { results: _, ...rest } = withAnswers(record, to);
  return {
    id: ID,
    from,
    record: to === from ? rest : { ...rest, results: answersOf(from, to) },
  };
}

/** A record that was read. */
function read(record: JobRecord): JobEvent {
  return { id: ID, from: 0, record };
}

/** What is told to one who hears all this. */
function told(news: readonly JobEvent[], after = NOTHING): FollowedEvent[] {
  return news.reduce<FollowedEvent[]>(
    (events, each) => [...events, ...eventsOf(each, events.at(-1)?.id ?? after)],
    [],
  );
}

function shortOf(events: readonly FollowedEvent[]): string[] {
  return events.map((event) => {
    if (event.name === "gap") return `${event.id} gap ${event.data.from} to ${event.data.to}`;
    if (event.name !== "prediction") return `${event.id} ${event.name}`;
    const { index } = event.data;
    assert("predictions" in event.data);
    assert.equal(event.data.predictions[0]?.label, `image ${index}`);
    return `${event.id} image ${index}`;
  });
}

const WHOLE = ["0 queued", "1 running", "2 image 0", "3 image 1", "4 image 2", "5 image 3"];

/** A job's life, as its record has it and as its gateways are told, with a second attempt. */
const LIFE: readonly { readonly record: JobRecord; readonly news?: JobEvent }[] = [
  { record: QUEUED },
  { record: BEGUN, news: progress(0, 0) },
  { record: withAnswers(BEGUN, 1), news: progress(0, 1) },
  { record: withAnswers({ ...BEGUN, state: "queued" }, 1) },
  { record: withAnswers({ ...BEGUN, attempts: 2 }, 1), news: progress(1, 1) },
  {
    record: withAnswers({ ...BEGUN, attempts: 2 }, 3),
    news: progress(1, 3, { ...BEGUN, attempts: 2 }),
  },
  { record: DONE, news: read(DONE) },
];

/** What one hears who attaches at a moment of the job's life, though news may come twice. */
function heardFrom(moment: number, doubled: number): JobEvent[] {
  const later = LIFE.slice(moment + 1).flatMap(({ news }) => news === undefined ? [] : [news]);
  const doubles = later.flatMap((news, i) => i % 3 === doubled ? [news, news] : [news]);
  const before = doubled === 2 ? LIFE[moment]!.news : undefined;
  return [read(LIFE[moment]!.record), ...(before === undefined ? [] : [before]), ...doubles];
}

Deno.test("whoever joins whenever is told the same, and can go on anywhere", () => {
  const whole = told(heardFrom(0, 3));
  assert.deepEqual(shortOf(whole), [...WHOLE, "6 succeeded"]);
  const moments = fc.nat(LIFE.length - 1);
  fc.assert(fc.property(moments, moments, fc.nat(3), fc.nat(), (join, again, doubled, cut) => {
    const first = told(heardFrom(join, doubled));
    assert.deepEqual(first, whole);
    // Of a client that lost its connection at some event, and came again at some later moment.
    const known = first.slice(0, cut % first.length + 1);
    const rest = told(heardFrom(Math.max(join, again), doubled), known.at(-1)!.id);
    assert.deepEqual(
      known.at(-1)!.id === whole.at(-1)!.id ? known : [...known, ...rest].filter(
        ({ id }, i, all) => all.findIndex((event) => event.id === id) === i,
      ),
      whole,
    );
    assert(rest.every(({ id }) => id > known.at(-1)!.id));
  }));
});

Deno.test("a job is told as it was when it was queued and when it was begun, whatever came since", () => {
  const [queued, running, ...more] = told([read(DONE)]);
  const last = more.at(-1);
  assert(queued?.name === "queued" && running?.name === "running" && last?.name === "succeeded");
  assert.deepEqual(told([read(QUEUED)]), [queued]);
  assert.deepEqual(told([progress(0, 0)]), [queued, running]);
  assert.deepEqual(told([read({ ...withAnswers(BEGUN, 2), attempts: 2 })]).slice(0, 2), [
    queued,
    running,
  ]);
  const { state, startedAt, attempts, images, result, timings } = running.data;
  assert.deepEqual(
    { state, startedAt, attempts, images, result, queueMs: timings.queueMs },
    {
      state: "running",
      startedAt: "1970-01-01T00:00:01.500Z",
      attempts: 1,
      images: { total: TOTAL, done: 0 },
      result: null,
      queueMs: 500,
    },
  );
  assert.equal(last.data.result?.results?.length, TOTAL);
});

for (const state of ["failed", "cancelled", "expired"] as const) {
  Deno.test(`a job that ${state} while it was queued was never running`, () => {
    assert.deepEqual(shortOf(told([read({ ...QUEUED, state, finishedAt: 2_000 })])), [
      "0 queued",
      `6 ${state}`,
    ]);
  });

  Deno.test(`a job that ${state} in the middle tells the answers that there are`, () => {
    const record = { ...withAnswers(BEGUN, 2), state, finishedAt: 2_000 };
    assert.deepEqual(shortOf(told([read(record)])), [...WHOLE.slice(0, 4), `6 ${state}`]);
  });
}

Deno.test("answers that are not kept are a gap for who joins late, and for nobody else", () => {
  const capped = read(withAnswers(BEGUN, 3, 1));
  const live = [progress(0, 0), progress(0, 1), progress(1, 3), read(DONE)];
  assert.deepEqual(shortOf(told(live)), [...WHOLE, "6 succeeded"]);
  assert.deepEqual(shortOf(told([capped, progress(3, 4), read(DONE)])), [
    ...WHOLE.slice(0, 3),
    "4 gap 1 to 2",
    "5 image 3",
    "6 succeeded",
  ]);
  // Who was told them before has no gap; who goes on after the gap is not told of it again.
  for (const after of [4, 5]) assert.deepEqual(told([capped], after), []);
  assert.deepEqual(shortOf(told([capped], 3)), ["4 gap 2 to 2"]);
  const cancelled = read({ ...withAnswers(BEGUN, 3, 1), state: "cancelled", finishedAt: 2_000 });
  assert.deepEqual(shortOf(told([cancelled])).slice(2), [
    "2 image 0",
    "4 gap 1 to 2",
    "6 cancelled",
  ]);
});

Deno.test("news that skips answers tells of the gap", () => {
  assert.deepEqual(shortOf(told([progress(0, 1), progress(2, 3)])).slice(2), [
    "2 image 0",
    "3 gap 1 to 1",
    "4 image 2",
  ]);
});

Deno.test("all is told with the outcome alone", () => {
  assert.equal(lastId(DONE), 2 + TOTAL);
  assert.equal(isTold(DONE, lastId(DONE)), true);
  assert.equal(isTold(DONE, lastId(DONE) - 1), false);
  assert.equal(isTold(BEGUN, lastId(BEGUN)), false);
  assert.deepEqual(eventsOf(read(DONE), lastId(DONE)), []);
});
