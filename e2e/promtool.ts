/**
 * Prometheus' own checker, which judges metrics, rules and settings as Prometheus would.
 *
 * Has it installed where it is missing and that can run unattended; nothing but tests needs it.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { setUp, terminalProgress } from "../setup/mod.ts";
import { systemClock } from "../shared/clock.ts";
import { ROOT } from "./program.ts";

const { promtool: installed } = await setUp({
  root: ROOT,
  env: Deno.env.toObject(),
  progress: terminalProgress(process.stderr),
  clock: systemClock,
  parts: new Set(["promtool"]),
  signal: new AbortController().signal,
});
const absence = installed?.state === "missing" ? installed.reason : undefined;
// deno-lint-ignore no-console -- who runs the tests is to know what was not tested
console.log(`promtool: ${absence === undefined ? "used" : `absent, ${absence}`}`);

/** Where it is absent what it judges is left out, but not from what decides on a change. */
export const withoutPromtool: boolean = absence !== undefined && Deno.env.get("CI") === undefined;

/** Asserts that it has nothing to complain of. */
export async function assertPromtool(args: readonly string[], input = ""): Promise<void> {
  if (installed === undefined || installed.state === "missing") {
    throw new Error(`promtool is absent: ${absence}`);
  }
  const command = new Deno.Command(installed.path, {
    args: [...args],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    new Response(input).body!.pipeTo(child.stdin),
  ]);
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  assert.equal(code, 0, `promtool ${args.join(" ")}: ${said}`);
}
