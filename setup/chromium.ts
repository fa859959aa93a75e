/**
 * The browser in which the tests open what the gateway serves.
 *
 * Finds one on the search path, or has the system's package manager install it. Never starts it
 * with a page, and no role of Weir's asks for it.
 * Invariant: a path that leaves this file answered `--version`.
 *
 * @module
 */
import type { PartReport } from "./part_report.ts";
import type { Programs } from "./programs.ts";
import type { SystemPackages } from "./system_packages.ts";

/** A browser that can be started. */
export interface Chromium {
  /** Absolute. */
  readonly path: string;
  /** As the program says it: `Chromium 150.0.7871.100 built on Debian`. */
  readonly version: string;
}

/** Names of the program on one system or another, in order of preference. */
const BROWSERS = ["chromium", "chromium-browser", "google-chrome"];

/** Finds a browser, or installs one; a sentence where neither is possible. */
export async function provideChromium(options: {
  readonly programs: Programs;
  readonly packages: SystemPackages;
  readonly signal: AbortSignal;
}): Promise<PartReport<Chromium>> {
  const { programs, packages, signal } = options;
  const found = await findChromium(programs, signal);
  if (found !== undefined) return { state: "found", ...found };
  const advice = await packages.install(["chromium"]);
  const installed = await findChromium(programs, signal);
  if (installed !== undefined) return { state: "installed", ...installed };
  const reason = "chromium not found" + (advice === undefined ? "" : `; ${advice}`);
  return { state: "missing", reason };
}

async function findChromium(
  programs: Programs,
  signal: AbortSignal,
): Promise<Chromium | undefined> {
  for (const name of BROWSERS) {
    const path = await programs.find(name);
    if (path === undefined) continue;
    const run = await programs.run(path, ["--version"], { signal });
    if (run.ok) return { path, version: run.stdout.trim() };
  }
  return undefined;
}
