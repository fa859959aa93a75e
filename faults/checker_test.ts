import assert from "node:assert/strict";
import { check, type Guarantee } from "./checker.ts";
import type { HistoryEvent } from "./history.ts";
import type { RecordState, RedisState } from "./redis_state.ts";

const DONE_AT = "2026-01-01T00:00:00.000Z";
const BEGAN_AT = Date.parse(DONE_AT);
const LATER = "2026-01-01T00:00:01.000Z";

/** Two jobs that went well, one of them with an Idempotency-Key, and a photo that was predicted. */
const HISTORY: readonly HistoryEvent[] = [
  { atMs: 1, submission: 0, keyed: false, kind: "accepted", job: "a" },
  { atMs: 2, submission: 1, keyed: true, kind: "broken", error: "cut" },
  { atMs: 3, submission: 1, keyed: true, kind: "accepted", job: "b" },
  { atMs: 4, kind: "struck", fault: "cut", victim: "all", running: 2 },
  { atMs: 5, submission: 0, keyed: false, ...outcome("a") },
  { atMs: 6, submission: 1, keyed: true, ...outcome("b") },
  { atMs: 7, submission: 2, keyed: false, kind: "refused", code: "busy" },
  { atMs: 8, submission: 2, keyed: false, kind: "outcome", state: "succeeded" },
  { atMs: 9, submission: 0, keyed: false, ...outcome("a") },
];

function outcome(job: string): { kind: "outcome"; state: "succeeded"; job: string } & {
  finishedAt: string;
} {
  return { kind: "outcome", state: "succeeded", job, finishedAt: DONE_AT };
}

function record(id: string, submission: number, change: Partial<RecordState> = {}): RecordState {
  return { id, submission, state: "succeeded", finishedAt: DONE_AT, attempts: 1, ...change };
}

const RECORDS = [record("a", 0), record("b", 1), record("c", 2)];

const STATE: RedisState = {
  records: RECORDS,
  streams: [{ name: "jobs", entries: 0, pending: 0 }],
  deadlines: 0,
  load: [{ model: "shapes", jobs: 0, bytes: 0, images: 0 }],
  deadLetters: 0,
  deadConsumers: [],
};

/** Asserts which guarantee is named first, and by what it is shown. */
function assertFirst(
  guarantee: Guarantee,
  shows: RegExp,
  history: readonly HistoryEvent[],
  state: RedisState = STATE,
): void {
  const [first] = check(history, state, BEGAN_AT).violations;
  assert.equal(first?.guarantee, guarantee);
  assert.match(first.detail, shows);
}

function withRecord(changed: RecordState): RedisState {
  return { ...STATE, records: [...RECORDS.filter(({ id }) => id !== changed.id), changed] };
}

const without = (at: number) => HISTORY.filter(({ atMs }) => atMs !== at);

Deno.test("a run in which all went well breaks nothing", () => {
  assert.deepEqual(check(HISTORY, STATE, BEGAN_AT), { violations: [], warnings: [] });
});

Deno.test("a lost settle is found: the job runs for ever, in the record and for its client", () => {
  const running = withRecord({ id: "b", submission: 1, state: "running", attempts: 1 });
  const guarantee = "an accepted job has an outcome";
  assertFirst(guarantee, /job b of submission 1 is running, and its client/, without(6), running);
  // The same without a client who knows of it.
  const untold = HISTORY.filter((event) => !("submission" in event) || event.submission !== 1);
  assertFirst(guarantee, /job b of submission 1 is still running/, untold, running);
});

Deno.test("a job that was done is found where its client was never told", () => {
  assertFirst("an accepted job has an outcome", /job b .* is succeeded/, without(6));
});

Deno.test("an accepted job that Redis has forgotten is found", () => {
  const state = { ...STATE, records: RECORDS.filter(({ id }) => id !== "b") };
  assertFirst("an accepted job has an outcome", /job b .* has no record/, HISTORY, state);
});

Deno.test("a double outcome is found, whether clients or the record show it", () => {
  const guarantee = "a job has one outcome";
  const expired = { ...outcome("a"), state: "expired" } as const;
  const told = [...HISTORY, { atMs: 10, submission: 0, keyed: false, ...expired }];
  assertFirst(guarantee, /job a was succeeded .*, then expired/, told);
  const again = { ...outcome("a"), finishedAt: LATER };
  const toldAgain = [...HISTORY, { atMs: 10, submission: 0, keyed: false, ...again }];
  assertFirst(guarantee, /then succeeded at .*01.000Z/, toldAgain);
  const overwritten = withRecord(record("a", 0, { finishedAt: LATER }));
  assertFirst(guarantee, /job a was told to be .*00.000Z, its record is/, HISTORY, overwritten);
});

Deno.test("an answer of /predict that the record does not bear out is found", () => {
  const expired = withRecord(record("c", 2, { state: "expired" }));
  assertFirst("a job has one outcome", /submission 2 .* records are expired/, HISTORY, expired);
});

Deno.test("a leaked entry is found, as is anything else that is left", () => {
  const leaks: [Partial<RedisState>, RegExp][] = [
    [{ streams: [{ name: "jobs", entries: 1, pending: 0 }] }, /^1 entries in jobs/],
    [{ streams: [{ name: "jobs", entries: 0, pending: 2 }] }, /^2 pending entries in jobs/],
    [{ deadlines: 10 }, /^10 deadlines/],
    [{ load: [{ model: "shapes", jobs: 0, bytes: 0, images: 3 }] }, /^3 images in the load/],
    [
      { load: [{ model: "shapes", jobs: 1, bytes: 0, images: 0 }] },
      /^1 jobs in the load of shapes/,
    ],
    [{ load: [{ model: "shapes", jobs: 0, bytes: 42, images: 0 }] }, /^42 bytes in the load/],
    [{ deadLetters: 1 }, /^1 dead letters/],
  ];
  for (const [leak, shows] of leaks) {
    assertFirst("nothing is left behind", shows, HISTORY, { ...STATE, ...leak });
  }
});

Deno.test("two jobs for one key are found, whether clients or the records show it", () => {
  const guarantee = "one Idempotency-Key is one job";
  const other = { atMs: 5, submission: 1, keyed: true, kind: "accepted", job: "d" } as const;
  const end = { atMs: 6, submission: 1, keyed: true, ...outcome("d") };
  const state = { ...STATE, records: [...RECORDS, record("d", 1)] };
  assertFirst(guarantee, /key of submission 1 has b and d/, [...HISTORY, other, end], state);
  assertFirst(guarantee, /key of submission 1 has b and d/, HISTORY, state);
  // Without a key, a client that asks again gets another job.
  const unkeyed = { ...STATE, records: [...RECORDS, record("d", 0)] };
  assert.deepEqual(check(HISTORY, unkeyed, BEGAN_AT).violations, []);
});

Deno.test("a hung client is found", () => {
  const hung = { atMs: 5, submission: 9, keyed: false, kind: "hung", call: "x", ms: 80 } as const;
  assertFirst("nobody hangs", /submission 9 heard nothing for 80 ms: x/, [...HISTORY, hung]);
});

Deno.test("an outcome that was told long after it was there is found", () => {
  const guarantee = "an outcome reaches whoever waits for it";
  const lateBy = (at: number) =>
    HISTORY.filter(({ atMs }) => atMs !== 9)
      .map((event) => event.atMs === at ? { ...event, atMs: 40_000 } : event);
  assertFirst(guarantee, /submission 0 was told after 40000 ms/, lateBy(5));
  // Of /predict, the record says when.
  assertFirst(guarantee, /submission 2 was told after 40000 ms/, lateBy(8));
});

Deno.test("answers that must not be are found: bugs, failures of sound images", () => {
  const guarantee = "no answer says what is not so";
  const listener = { atMs: 5, submission: 9, keyed: false };
  const odd = { ...listener, kind: "odd", call: "POST /predict", status: 500, body: "{}" } as const;
  assertFirst(guarantee, /submission 9: POST \/predict gave 500 {}/, [...HISTORY, odd]);
  const failed = { ...listener, kind: "outcome", state: "failed" } as const;
  assertFirst(guarantee, /its job is failed/, [...HISTORY, failed]);
});

Deno.test("a process that ended by itself is found", () => {
  const died = { atMs: 5, kind: "died", process: "worker 1", status: "code 1" } as const;
  const guarantee = "a process ends only when told to";
  assertFirst(guarantee, /worker 1 ended by itself: code 1/, [...HISTORY, died]);
});

Deno.test("the first broken guarantee to be seen is named first", () => {
  const state = { ...STATE, deadlines: 1 };
  const hung = { atMs: 5, submission: 9, keyed: false, kind: "hung", call: "x", ms: 80 } as const;
  const odd = { ...hung, atMs: 4, kind: "odd", status: 500, body: "" } as const;
  const { violations } = check([...HISTORY, hung, odd], state, BEGAN_AT);
  assert.deepEqual(violations.map(({ atMs }) => atMs), [4, 5, undefined]);
});

Deno.test("consumers of dead workers are worth a warning", () => {
  const { violations, warnings } = check(HISTORY, { ...STATE, deadConsumers: ["w1"] }, BEGAN_AT);
  assert.deepEqual(violations, []);
  assert.deepEqual(warnings, ["consumers of dead workers are left: w1"]);
});
