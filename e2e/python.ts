/**
 * Python with some packages, for tests that ask as clients in other languages do.
 *
 * @module
 */
import { type ProgramRun, Programs } from "../setup/programs.ts";
import { pythonWith as findPython } from "../setup/python.ts";
import { ROOT } from "./program.ts";
import { WAIT_MAX_MS } from "./waiting.ts";

const signal = new AbortController().signal;

/** An interpreter that finds the packages; or the reason why there is none. */
export type Python =
  | { readonly ok: true; run(args: readonly string[]): Promise<ProgramRun> }
  | { readonly ok: false; readonly reason: string };

/**
 * Provides `python3` with packages.
 *
 * @param requirements a file that pins all of them, as pip reads it
 */
export async function pythonWith(requirements: string): Promise<Python> {
  const env = Deno.env.toObject();
  const python = await findPython(requirements, { root: ROOT, env, signal });
  if (!python.ok) return python;
  const programs = new Programs(env);
  const options = { env: python.env, timeoutMs: WAIT_MAX_MS, signal };
  return { ok: true, run: (args) => programs.run(python.executable, args, options) };
}
