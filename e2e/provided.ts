/**
 * A program that nothing but tests needs, installed where it is missing and that can run unattended.
 *
 * @module
 */
import process from "node:process";
import { setUp, terminalProgress } from "../setup/mod.ts";
import { systemClock } from "../shared/clock.ts";
import { ROOT } from "./program.ts";

export interface Provided {
  /** Whether its tests are left out: where it is absent, but not in what decides on a change. */
  readonly isLeftOut: boolean;
  /** Its path. @throws where it is absent */
  path(): string;
}

/** Provides a program, and says on a line whether it is there. */
export async function provided(name: "chromium" | "promtool"): Promise<Provided> {
  const { [name]: installed } = await setUp({
    root: ROOT,
    env: Deno.env.toObject(),
    progress: terminalProgress(process.stderr),
    clock: systemClock,
    parts: new Set([name]),
    signal: new AbortController().signal,
  });
  const absence = installed?.state === "missing" ? installed.reason : undefined;
  // deno-lint-ignore no-console -- who runs the tests is to know what was not tested
  console.log(`${name}: ${absence === undefined ? "used" : `absent, ${absence}`}`);
  return {
    isLeftOut: absence !== undefined && Deno.env.get("CI") === undefined,
    path: () => {
      if (installed !== undefined && installed.state !== "missing") return installed.path;
      throw new Error(`${name} is absent: ${absence}`);
    },
  };
}
