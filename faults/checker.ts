/**
 * Judges a run by what its clients were told and by what Redis holds at its end.
 *
 * Pure: history and state in, broken guarantees out. Never asks anybody.
 * Invariant: a guarantee is named as broken only with the job, submission or key that shows it.
 *
 * @module
 */
import { FINAL_STATES } from "../shared/job.ts";
import type { HistoryEvent, Listener, Told } from "./history.ts";
import type { RecordState, RedisState } from "./redis_state.ts";

/** What Weir promises, as far as it can be judged from outside. */
const GUARANTEES = [
  "an accepted job has an outcome",
  "a job has one outcome",
  "nobody hangs",
  "an outcome reaches whoever waits for it",
  "one Idempotency-Key is one job",
  "no answer says what is not so",
  "a process ends only when told to",
  "nothing is left behind",
] as const;

export type Guarantee = (typeof GUARANTEES)[number];

export interface Violation {
  readonly guarantee: Guarantee;
  /** What shows it. */
  readonly detail: string;
  /** When it was seen; absent for what the end shows. */
  readonly atMs?: number;
}

export interface Verdict {
  /** The first to have been seen is the first. */
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
}

type TellEvent = { readonly atMs: number } & Told & Listener;
type OutcomeEvent = Extract<TellEvent, { kind: "outcome" }>;

/**
 * Longest time from an outcome to the client that waits for it: far more than any fault lasts, far
 * less than the deadline, at which a gateway looks for itself.
 */
const TELLING_MS_MAX = 30_000;

/**
 * Judges a run.
 *
 * @param beganAt when the run began: milliseconds since 1970 by Redis' clock
 */
export function check(
  history: readonly HistoryEvent[],
  state: RedisState,
  beganAt: number,
): Verdict {
  const told = history.filter((event): event is TellEvent => "submission" in event);
  const violations = [
    ...told.flatMap(atOnce),
    ...history.filter((event) => event.kind === "died").map((event): Violation => ({
      guarantee: "a process ends only when told to",
      detail: `${event.process} ended by itself: ${event.status}`,
      atMs: event.atMs,
    })),
    ...lost(told, state.records),
    ...doubled(told, state.records),
    ...twins(told, state.records),
    ...unlike(told, state.records),
    ...late(told, state.records, beganAt),
    ...left(state),
  ];
  const when = ({ atMs = Infinity }: Violation) => atMs;
  return {
    violations: violations.sort((a, b) => when(a) === when(b) ? 0 : when(a) - when(b)),
    warnings: warningsOf(state),
  };
}

/** What a single answer shows. */
function atOnce(event: TellEvent): Violation[] {
  const { atMs, submission } = event;
  const who = `submission ${submission}`;
  if (event.kind === "hung") {
    const detail = `${who} heard nothing for ${event.ms} ms: ${event.call}`;
    return [{ guarantee: "nobody hangs", detail, atMs }];
  }
  const guarantee = "no answer says what is not so";
  if (event.kind === "odd") {
    const detail = `${who}: ${event.call} gave ${event.status} ${event.body}`;
    return [{ guarantee, detail, atMs }];
  }
  // Every image is sound, nobody cancels, and faults are no attempts that end a job.
  if (event.kind === "outcome" && (event.state === "failed" || event.state === "cancelled")) {
    return [{ guarantee, detail: `${who}: its job is ${event.state}`, atMs }];
  }
  return [];
}

/** Accepted jobs without an outcome, told or not; and accepted jobs that Redis does not know. */
function lost(told: readonly TellEvent[], records: readonly RecordState[]): Violation[] {
  const guarantee = "an accepted job has an outcome";
  const states = new Map(records.map(({ id, state }) => [id, state]));
  const ended = new Set(told.map((event) => event.kind === "outcome" ? event.job : undefined));
  const accepted = new Map(
    told.filter((event) => event.kind === "accepted").map((event) => [event.job, event]),
  );
  const violations: Violation[] = [];
  for (const { job, submission } of accepted.values()) {
    const state = states.get(job);
    const who = `job ${job} of submission ${submission}`;
    if (state === undefined) violations.push({ guarantee, detail: `${who} has no record` });
    else if (!ended.has(job)) {
      violations.push({ guarantee, detail: `${who} is ${state}, and its client was not told` });
    }
  }
  for (const { id, state, submission } of records) {
    if ((FINAL_STATES as readonly string[]).includes(state)) continue;
    const detail = `job ${id} of submission ${submission ?? "unknown"} is still ${state}`;
    violations.push({ guarantee, detail });
  }
  return violations;
}

/** Jobs of which two different outcomes were seen: told twice, or told and recorded. */
function doubled(told: readonly TellEvent[], records: readonly RecordState[]): Violation[] {
  const guarantee = "a job has one outcome";
  const recorded = new Map(records.map((record) => [record.id, outcomeText(record)]));
  const outcomes = told.filter((event): event is OutcomeEvent & { readonly job: string } =>
    event.kind === "outcome" && event.job !== undefined
  );
  const violations: Violation[] = [];
  for (const [job, events] of Map.groupBy(outcomes, ({ job }) => job)) {
    const [first, ...later] = events.map((event) => ({ event, text: outcomeText(event) }));
    const other = later.find(({ text }) => text !== first!.text);
    if (other !== undefined) {
      const detail = `job ${job} was ${first!.text}, then ${other.text}`;
      violations.push({ guarantee, detail, atMs: other.event.atMs });
    }
    const record = recorded.get(job);
    if (record !== undefined && record !== first!.text) {
      const detail = `job ${job} was told to be ${first!.text}, its record is ${record}`;
      violations.push({ guarantee, detail });
    }
  }
  return violations;
}

function outcomeText({ state, finishedAt }: { state: string; finishedAt?: string }): string {
  return `${state} at ${finishedAt}`;
}

/** Idempotency keys, one a submission, with more than one job: by what was told, or recorded. */
function twins(told: readonly TellEvent[], records: readonly RecordState[]): Violation[] {
  const guarantee = "one Idempotency-Key is one job";
  const jobs = new Map<number, Set<string>>();
  for (const { submission, keyed } of told) if (keyed) jobs.set(submission, new Set());
  for (const event of told) {
    if ("job" in event && event.job !== undefined) jobs.get(event.submission)?.add(event.job);
  }
  for (const { id, submission } of records) jobs.get(submission ?? NaN)?.add(id);
  return [...jobs].filter(([, ids]) => ids.size > 1).map(([submission, ids]) => ({
    guarantee,
    detail: `the key of submission ${submission} has ${[...ids].join(" and ")}`,
  }));
}

/**
 * Answers of `/predict` that no record of the submission bears out. Its jobs cannot be told apart
 * by their answers, and their records go earlier; what there is must fit.
 */
function unlike(told: readonly TellEvent[], records: readonly RecordState[]): Violation[] {
  const bySubmission = Map.groupBy(records, ({ submission }) => submission);
  const violations: Violation[] = [];
  for (const event of told) {
    if (event.kind !== "outcome" || event.job !== undefined) continue;
    const states = bySubmission.get(event.submission)?.map(({ state }) => state);
    if (states === undefined || states.includes(event.state)) continue;
    violations.push({
      guarantee: "a job has one outcome",
      detail: `submission ${event.submission} was told that its job is ${event.state}, ` +
        `its records are ${states.join(", ")}`,
      atMs: event.atMs,
    });
  }
  return violations;
}

/** Outcomes that were told long after they were there. */
function late(
  told: readonly TellEvent[],
  records: readonly RecordState[],
  beganAt: number,
): Violation[] {
  const bySubmission = Map.groupBy(records, ({ submission }) => submission);
  const outcomes = Map.groupBy(
    told.filter((event): event is OutcomeEvent => event.kind === "outcome"),
    ({ submission }) => submission,
  );
  const violations: Violation[] = [];
  for (const [submission, [first]] of outcomes) {
    // A client that had to ask twice, without a key, has several jobs: which is not told.
    const made = bySubmission.get(submission) ?? [];
    const finishedAt = first!.finishedAt ?? (made.length === 1 ? made[0]!.finishedAt : undefined);
    if (finishedAt === undefined) continue;
    const ms = beganAt + first!.atMs - Date.parse(finishedAt);
    if (ms <= TELLING_MS_MAX) continue;
    violations.push({
      guarantee: "an outcome reaches whoever waits for it",
      detail: `submission ${submission} was told after ${Math.round(ms)} ms`,
      atMs: first!.atMs,
    });
  }
  return violations;
}

/** What must be empty once every job is over. */
function left({ streams, deadlines, load, deadLetters }: RedisState): Violation[] {
  const rests = [
    ...streams.flatMap(({ name, entries, pending }) => [
      `${entries} entries in ${name}`,
      `${pending} pending entries in ${name}`,
    ]),
    `${deadlines} deadlines`,
    ...load.flatMap(({ model, jobs, bytes, images }) => [
      `${jobs} jobs in the load of ${model}`,
      `${bytes} bytes in the load of ${model}`,
      `${images} images in the load of ${model}`,
    ]),
    `${deadLetters} dead letters`,
  ];
  return rests.filter((rest) => !rest.startsWith("0 "))
    .map((detail) => ({ guarantee: "nothing is left behind", detail }));
}

function warningsOf({ deadConsumers }: RedisState): string[] {
  if (deadConsumers.length === 0) return [];
  return [`consumers of dead workers are left: ${deadConsumers.join(", ")}`];
}
