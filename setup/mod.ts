/**
 * Set-up: what Weir needs of a machine beyond its npm packages.
 *
 * Owns the list of parts and their order: the server program for the queues, TensorFlow's native
 * addon, and programs that tests ask for. Never starts a server, never exits, never reads the
 * environment by itself.
 * Invariant: it can be interrupted at any point and repeated at any time; with nothing missing it
 * is silent and takes well under 2 s.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import { AddonCache, cacheFolder } from "./addon_cache.ts";
import { InstallerSource } from "./installer_source.ts";
import type { PartReport } from "./part_report.ts";
import { Programs } from "./programs.ts";
import type { Progress } from "./progress.ts";
import { provideRedisServer, type RedisServer } from "./redis_server.ts";
import { SystemPackages } from "./system_packages.ts";
import {
  provideTensorFlowAddon,
  type TensorFlowAddon,
  tfjsNodePackage,
} from "./tensorflow_addon.ts";
import { provideTestProgram, type TestProgram } from "./test_program.ts";
import { WheelSource } from "./wheel_source.ts";

export { terminalProgress } from "./progress.ts";

/** What set-up did about each part that was asked for. */
export interface SetupReport {
  readonly redisServer?: PartReport<RedisServer>;
  readonly tensorflowAddon?: PartReport<TensorFlowAddon>;
  /** For the tests alone. */
  readonly chromium?: PartReport<TestProgram>;
  /** For the tests alone. */
  readonly promtool?: PartReport<TestProgram>;
}

export interface SetupOptions {
  /** The checkout: the folder of `deno.json` and `node_modules`. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly progress: Progress;
  readonly clock: Pick<Clock, "wall">;
  /** What is needed: no server program with `REDIS_URL`, no addon for another engine. */
  readonly parts: ReadonlySet<keyof SetupReport>;
  /** Stops set-up, and the programs that it runs. */
  readonly signal: AbortSignal;
}

/**
 * Provides what is missing.
 *
 * @throws When the signal aborts, or the system fails (a full disk). Parts that cannot be had are
 * reported, not thrown.
 */
export async function setUp(options: SetupOptions): Promise<SetupReport> {
  const { root, env, progress, parts, signal } = options;
  const folder = cacheFolder(env, Deno.build.os, root);
  const programs = new Programs(env);
  const packages = new SystemPackages({ programs, progress, folder, userId: Deno.uid(), signal });
  return {
    ...(parts.has("redisServer") &&
      { redisServer: await provideRedisServer({ programs, packages, signal }) }),
    ...(parts.has("tensorflowAddon") &&
      { tensorflowAddon: await addon(options, folder, programs, packages) }),
    ...(parts.has("chromium") &&
      { chromium: await provideTestProgram("chromium", { programs, packages, signal }) }),
    ...(parts.has("promtool") &&
      { promtool: await provideTestProgram("promtool", { programs, packages, signal }) }),
  };
}

async function addon(
  options: SetupOptions,
  folder: string,
  programs: Programs,
  packages: SystemPackages,
): Promise<PartReport<TensorFlowAddon>> {
  const { root, env, progress, clock, signal } = options;
  const tfjsNode = await tfjsNodePackage(root);
  if (tfjsNode === undefined) {
    return { state: "missing", reason: "npm package @tensorflow/tfjs-node is not installed" };
  }
  const tools = { programs, progress, packageFolder: tfjsNode.folder, signal };
  const sources = [
    new InstallerSource(tfjsNode.version, { ...tools, root, env, build: Deno.build }),
    new WheelSource(tfjsNode.version, { ...tools, packages, build: Deno.build }),
  ];
  const cache = new AddonCache(folder, {
    wall: () => clock.wall(),
    onWait: () => progress.line("waiting for another set-up to finish"),
  });
  return await provideTensorFlowAddon({ ...tools, sources, cache });
}
