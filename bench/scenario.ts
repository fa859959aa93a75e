/**
 * What a scenario of bench is, and what it reports: tables, plots, and figures held to their goals.
 *
 * Owns the types that scenarios and reports share. Never measures.
 *
 * @module
 */
import type { BenchParts } from "./parts.ts";

/** One cell; numbers are rounded where they are printed. */
export type Cell = number | string | undefined;

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Lines or bars over a common axis. */
export interface Plot {
  readonly title: string;
  /** Lines unless given. */
  readonly kind?: "bars";
  readonly x: string;
  readonly y: string;
  /** Whether the axes grow by factors. */
  readonly logarithmic?: boolean;
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
}

/** A figure that was promised. */
export interface Figure {
  /** What it is: `throughput against BullMQ, 64 at once`. */
  readonly name: string;
  readonly value: number;
  /** Smallest or greatest value that keeps the promise; a figure beside others has none. */
  readonly goal?: { readonly atLeast: number } | { readonly atMost: number };
  /** `×`, `ms`, `commands`. */
  readonly unit: string;
}

/** Whether the figure is as it was promised. */
export function isMet({ value, goal }: Figure): boolean {
  if (goal === undefined) return true;
  return "atLeast" in goal ? value >= goal.atLeast : value <= goal.atMost;
}

export interface ScenarioReport {
  readonly name: string;
  /** How it was measured, in a few sentences. */
  readonly method: string;
  readonly tables: readonly Table[];
  readonly plots: readonly Plot[];
  readonly figures: readonly Figure[];
}

/** A Weir that somebody else started. */
export interface Target {
  readonly url: string;
  /** API key, where it wants one. */
  readonly key: string | undefined;
}

/** What a scenario has to work with. */
export interface Stage extends BenchParts {
  /** Less time, fewer points: to see that it works. */
  readonly quick: boolean;
  readonly signal: AbortSignal;
  /** A system that runs already, for the scenarios that take one. */
  readonly target: Target | undefined;
  /** How long to go on, for the scenario whose length is to be chosen. */
  readonly minutes: number;
  /** Tells how far it has come, from 0 to 1, and with what. */
  readonly progress: (done: number, what: string) => void;
}

/** Measures. */
export type Scenario = (stage: Stage) => Promise<Omit<ScenarioReport, "name">>;
