/**
 * What was measured on: machine and versions, for the report.
 *
 * @module
 */
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { BenchParts } from "./parts.ts";
import { nodeFolder } from "./load.ts";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** By name. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Looks at the machine. */
export async function machineOf(parts: BenchParts): Promise<Machine> {
  const { imports } = await readJson(join(parts.root, "deno.json"));
  const { dependencies } = await readJson(join(nodeFolder(parts), "package.json"));
  const redis = await outputOf(parts.redisServer, "--version");
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${Deno.build.os} ${Deno.build.arch}`,
    versions: {
      deno: Deno.version.deno,
      node: (await outputOf("node", "--version")).replace("v", ""),
      redis: /v=([\d.]+)/.exec(redis)?.[1] ?? redis,
      ioredis: imports.ioredis.split("@").at(-1)!,
      hono: imports.hono.split("@").at(-1)!,
      ...dependencies,
    },
  };
}

// deno-lint-ignore no-explicit-any -- files of the project's own
async function readJson(file: string): Promise<any> {
  return JSON.parse(await Deno.readTextFile(file));
}

async function outputOf(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args }).output();
  return new TextDecoder().decode(stdout).trim();
}
