/**
 * A run in numbers, for people: two tables and a last line.
 *
 * Pure: history, state and verdict in, text out.
 *
 * @module
 */
import Table from "cli-table3";
import { FINAL_STATES, type FinalState } from "../shared/job.ts";
import type { Guarantee, Verdict } from "./checker.ts";
import type { HistoryEvent } from "./history.ts";
import { FAULT_KINDS, type FaultKind } from "./plan.ts";
import type { RecordState } from "./redis_state.ts";
import { RUNNING_MIN } from "./victim.ts";

export interface Run {
  readonly seed: number;
  /** Submissions. */
  readonly jobs: number;
  readonly seconds: number;
  readonly history: readonly HistoryEvent[];
  readonly records: readonly RecordState[];
  readonly repliesLost: number;
  readonly verdict: Verdict;
}

/** Share of the submissions that have to be accepted, and of those that have to be done in time. */
const ACCEPTED_MIN = 0.95;
const SUCCEEDED_MIN = 0.95;

/** A kind of fault in numbers. */
interface Met {
  readonly kind: FaultKind;
  readonly strikes: number;
  /** Jobs that were running at its strikes, all in all. */
  readonly running: number;
}

/** Why the run does not count as passed, the most important first; empty where it does. */
export function faultsOf(run: Run): string[] {
  const { jobs, history, verdict } = run;
  const accepted = acceptedIn(history);
  const succeeded = new Map(outcomesIn(history)).get("succeeded") ?? 0;
  return [
    ...verdict.violations.map(({ guarantee, detail }) => `broken: ${guarantee}: ${detail}`),
    ...(accepted < ACCEPTED_MIN * jobs
      ? [`only ${accepted} of ${jobs} submissions were accepted`]
      : []),
    ...(succeeded < SUCCEEDED_MIN * accepted
      ? [`only ${succeeded} of ${accepted} accepted submissions were done before their deadline`]
      : []),
    ...metBy(history).filter(({ running }) => running < RUNNING_MIN)
      .map(({ kind, running }) => `${kind} met only ${running} running jobs`),
  ];
}

/** The tables. */
export function tablesOf(run: Run): string {
  const { history, records, repliesLost } = run;
  const faults = new Table({ head: ["fault", "strikes", "running jobs met"], style: PLAIN });
  for (const { kind, strikes, running } of metBy(history)) faults.push([kind, strikes, running]);
  const counts = new Table({ style: PLAIN });
  const count = (kind: HistoryEvent["kind"]) =>
    history.filter((event) => event.kind === kind).length;
  counts.push(
    ["submissions", run.jobs],
    ["accepted", acceptedIn(history)],
    ["jobs with an outcome in Redis", records.filter(isOver).length],
    ["jobs run more than once", records.filter(({ attempts }) => attempts > 1).length],
    ...outcomesIn(history).map(([state, told]) => [`told ${state}`, told]),
    ["told not now (503)", count("refused")],
    ["connections cut under a client", count("broken")],
    ["replies of Redis lost after commit", repliesLost],
  );
  return `${faults}\n${counts}`;
}

/** The last line. */
export function lastLine(run: Run): string {
  const { seed, jobs, seconds, history, verdict } = run;
  const [first, ...more] = faultsOf(run);
  const broken = (guarantee: Guarantee) =>
    verdict.violations.filter((violation) => violation.guarantee === guarantee).length;
  const strikes = metBy(history).reduce((sum, met) => sum + met.strikes, 0);
  const accepted = (100 * acceptedIn(history) / jobs).toFixed(1);
  const numbers = `seed ${seed}, ${jobs} jobs, ${strikes} faults in ${Math.round(seconds)} s, ` +
    `${accepted} % accepted, ${broken("an accepted job has an outcome")} without an outcome, ` +
    `${broken("a job has one outcome")} with two, ${broken("nobody hangs")} hung`;
  if (first === undefined) return `faults passed: ${numbers}`;
  return `faults FAILED: ${numbers}; ${first}${more.length > 0 ? `; ${more.length} more` : ""}`;
}

const PLAIN = { head: [], border: [], compact: true };

function metBy(history: readonly HistoryEvent[]): Met[] {
  const struck = history.filter((event) => event.kind === "struck");
  return FAULT_KINDS.map((kind) => {
    const met = struck.filter(({ fault }) => fault === kind);
    return {
      kind,
      strikes: met.length,
      running: met.reduce((sum, { running }) => sum + running, 0),
    };
  }).filter(({ strikes }) => strikes > 0);
}

/** Submissions of which a client knows that they were accepted. */
function acceptedIn(history: readonly HistoryEvent[]): number {
  const accepted = history.filter((event) => event.kind === "accepted" || event.kind === "outcome");
  return new Set(accepted.map(({ submission }) => submission)).size;
}

/** Submissions that were told each state. */
function outcomesIn(history: readonly HistoryEvent[]): [FinalState, number][] {
  const outcomes = history.filter((event) => event.kind === "outcome");
  return FINAL_STATES.map((state): [FinalState, number] => [
    state,
    new Set(outcomes.filter((told) => told.state === state).map((told) => told.submission)).size,
  ]).filter(([, told]) => told > 0);
}

function isOver({ state }: RecordState): boolean {
  return (FINAL_STATES as readonly string[]).includes(state);
}
