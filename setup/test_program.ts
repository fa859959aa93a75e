/**
 * Programs with which the tests judge what Weir makes: a browser for its pages, Prometheus' own
 * checker for its metrics and alert rules.
 *
 * Finds one on the search path, or has the system's package manager install it. Starts it for its
 * version alone, and no role of Weir's asks for it.
 * Invariant: a path that leaves this file answered `--version`.
 *
 * @module
 */
import type { PartReport } from "./part_report.ts";
import type { Programs } from "./programs.ts";
import type { SystemPackages } from "./system_packages.ts";

/** Names of each program on one system or another, in order of preference. */
const NAMES = {
  chromium: ["chromium", "chromium-browser", "google-chrome"],
  promtool: ["promtool"],
} as const;

/** A program that can be started. */
export interface TestProgram {
  /** Absolute. */
  readonly path: string;
  /** As the program says it: `Chromium 150.0.7871.100 built on Debian`. */
  readonly version: string;
}

/** Finds a program, or installs it; a sentence where neither is possible. */
export async function provideTestProgram(
  wanted: keyof typeof NAMES,
  { programs, packages, signal }: {
    readonly programs: Programs;
    readonly packages: SystemPackages;
    readonly signal: AbortSignal;
  },
): Promise<PartReport<TestProgram>> {
  const names = NAMES[wanted];
  const found = await findProgram(names, programs, signal);
  if (found !== undefined) return { state: "found", ...found };
  const advice = await packages.install([wanted]);
  const installed = await findProgram(names, programs, signal);
  if (installed !== undefined) return { state: "installed", ...installed };
  const reason = `${wanted} not found` + (advice === undefined ? "" : `; ${advice}`);
  return { state: "missing", reason };
}

async function findProgram(
  names: readonly string[],
  programs: Programs,
  signal: AbortSignal,
): Promise<TestProgram | undefined> {
  for (const name of names) {
    const path = await programs.find(name);
    if (path === undefined) continue;
    const run = await programs.run(path, ["--version"], { signal });
    if (run.ok) return { path, version: run.stdout.trim() };
  }
  return undefined;
}
