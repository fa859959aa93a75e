/**
 * What came of many questions: each right, or what was wrong with it, and how long it took.
 *
 * Never counts an answer as right that was not checked. Invariant: every question counts once.
 *
 * @module
 */
import { histogram, quantile, shares } from "./numbers.ts";
import type { Figure, Plot, Table } from "./scenario.ts";

/** What came of one question. */
export interface Told {
  readonly ms: number;
  /** What was wrong: `at_capacity`, `wrong answer`; undefined where it was right. */
  readonly fault?: string;
}

/** Length of the longest bar, in characters. */
const BAR = 40;

/** Counts, waits, and the waits as a histogram. */
export function tablesOf(told: readonly Told[], seconds: number): Table[] {
  const times = told.map(({ ms }) => ms);
  const bins = histogram(times);
  const most = Math.max(...bins.map(({ count }) => count));
  return [
    {
      title: "Answers",
      columns: ["", "measured"],
      rows: [
        ["right", right(told)],
        ["anything else", faultsOf(told) || 0],
        ["answers a second", told.length / seconds],
        ...[0.5, 0.9, 0.99].map((q) => [`wait, p${100 * q}, ms`, quantile(times, q)] as const),
        ["longest wait, ms", Math.max(...times)],
      ],
    },
    {
      title: "How long they waited",
      columns: ["ms", "answers", ""],
      rows: bins.map(({ from, to, count }) => [
        `${Math.round(from)} to ${Math.round(to)}`,
        count,
        "█".repeat(Math.ceil(BAR * count / most)).padEnd(BAR),
      ]),
    },
  ];
}

/** The waits as a histogram, and as a distribution. */
export function plotsOf(told: readonly Told[]): Plot[] {
  const times = told.map(({ ms }) => ms);
  return [
    {
      title: "How long they waited",
      x: "ms",
      y: "answers",
      kind: "bars",
      series: [{
        name: "weir",
        points: histogram(times).map(({ from, to, count }) => [(from + to) / 2, count] as const),
      }],
    },
    {
      title: "Share that is answered within",
      x: "ms",
      y: "% of answers",
      series: [{ name: "weir", points: shares(times) }],
    },
  ];
}

/** That all of them are right. */
export function allRight(what: string, told: readonly Told[]): Figure {
  return { name: what, value: right(told), goal: { atLeast: told.length }, unit: "right" };
}

function right(told: readonly Told[]): number {
  return told.filter(({ fault }) => fault === undefined).length;
}

/** `at_capacity: 3, wrong answer: 1` */
function faultsOf(told: readonly Told[]): string {
  const wrong = told.filter(({ fault }) => fault !== undefined);
  return [...Map.groupBy(wrong, ({ fault }) => fault)]
    .map(([fault, { length }]) => `${fault}: ${length}`).join(", ");
}
