/**
 * Prometheus' own checker, which judges metrics, rules and settings as Prometheus would.
 *
 * Has it installed where it is missing and that can run unattended; nothing but tests needs it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ROOT } from "./program.ts";
import { provided } from "./provided.ts";

const promtool = await provided("promtool");

/** Where it is absent what it judges is left out, but not from what decides on a change. */
export const withoutPromtool: boolean = promtool.isLeftOut;

/** Asserts that it has nothing to complain of. */
export async function assertPromtool(args: readonly string[], input = ""): Promise<void> {
  const command = new Deno.Command(promtool.path(), {
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
