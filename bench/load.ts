/**
 * Load over HTTP from a process of its own, and what came of it.
 *
 * Owns the programs that run on Node: the load, and the systems that Weir is compared with. Their
 * packages are installed when they are first needed.
 *
 * @module
 */
import { join } from "node:path";
import type { BenchParts } from "./parts.ts";

export interface Load {
  /** Whole address that photos are posted to. */
  readonly url: string;
  /** Path of the photo. */
  readonly file: string;
  readonly connections: number;
  /** Requests that do not count. */
  readonly warmUp: number;
  /** How long those that count take, about. */
  readonly seconds: number;
  /** How many count instead, without any before, where each takes too long for that. */
  readonly requests?: number;
  readonly timeoutSeconds: number;
  /** What an answer must hold. */
  readonly expected: string;
}

export interface Loaded {
  readonly seconds: number;
  /** Milliseconds of each request, in the order of the answers. */
  readonly latencies: readonly number[];
  /** Answers that were not right, by status, and requests without one. */
  readonly faults: Readonly<Record<string, number>>;
  /** The load's own processor time. */
  readonly cpuSeconds: number;
}

/** Bench cannot measure this here, with the sentence that says why. */
export class BenchError extends Error {
  override readonly name = "BenchError";
}

/** Folder of the programs that run on Node. */
export function nodeFolder({ root }: Pick<BenchParts, "root">): string {
  return join(root, "bench", "node");
}

/** Installs what the programs on Node need, once. */
export async function installNode(parts: Pick<BenchParts, "root" | "env">): Promise<void> {
  const folder = nodeFolder(parts);
  const installed = join(folder, "node_modules", ".package-lock.json");
  if (await Deno.stat(installed).then(() => true, () => false)) return;
  // Native parts of BullMQ's encoder are optional, and registries lack some of them: "ci" would
  // insist on all. The versions are those of the lock file all the same.
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
  const args = ["install", "--no-save", "--omit=optional", ...quiet];
  const { success, stderr } = await new Deno.Command("npm", { args, cwd: folder }).output()
    .catch(() => {
      throw new BenchError("bench needs Node 20 or later, with npm: it is not on PATH");
    });
  if (success) return;
  const last = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  throw new BenchError(`install what bench compares with: ${last}`);
}

/** Photos for `POST /predict` of a system, each of which must be answered with success. */
export function predictLoad(
  { urls }: { readonly urls: readonly string[] },
  load: Pick<Load, "file" | "connections" | "seconds" | "requests">,
): Load {
  const url = `${urls[0]}/predict`;
  return { ...load, url, warmUp: 4, timeoutSeconds: 60, expected: '"success":true' };
}

/**
 * Puts the load on, after its warm-up.
 *
 * @throws {BenchError} where an answer is wrong
 */
export async function putLoad(
  parts: Pick<BenchParts, "root">,
  load: Load,
  signal: AbortSignal,
): Promise<Loaded> {
  const process = new Deno.Command("node", {
    args: ["load.mjs"],
    cwd: nodeFolder(parts),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    signal,
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(load)));
  await writer.close();
  const { success, stdout } = await process.output();
  signal.throwIfAborted();
  if (!success) throw new Error(`load "${load.url}": it failed`);
  const loaded: Loaded = JSON.parse(new TextDecoder().decode(stdout));
  for (const [what, count] of Object.entries(loaded.faults)) {
    if (count > 0) throw new BenchError(`load "${load.url}": ${count} answers are wrong, ${what}`);
  }
  return loaded;
}
