/**
 * The server program behind every queue: redis-server, or valkey-server.
 *
 * Finds it on the search path, or has the system's package manager install it. Never starts it
 * (the launcher does) and never touches a running one.
 * Invariant: a path that leaves this file answered `--version` with 6.2 or later.
 *
 * @module
 */
import type { Programs } from "./programs.ts";
import type { SystemPackages } from "./system_packages.ts";
import type { PartReport } from "./part_report.ts";

/** A server program that can be started. */
export interface RedisServer {
  /** Absolute. */
  readonly path: string;
  /** As the program says it: `7.0.15`. */
  readonly version: string;
}

/** In order of preference. */
const SERVERS = ["redis-server", "valkey-server"];
/** XAUTOCLAIM, GETDEL and XADD NOMKSTREAM came with 6.2. */
const VERSION_MIN = "6.2";
/** Of Debian: switches a service off for the next start of the machine, whatever its init system. */
const SERVICE_SWITCH = "update-rc.d";

/** The version in `redis-server --version`: `Redis server v=7.0.15 sha=…`. */
export function parseRedisVersion(output: string): string | undefined {
  return /\bv=(\d+\.\d+(?:\.\d+)*)/.exec(output)?.[1];
}

/** Whether a version is 6.2 or later; parts compare as numbers. */
export function isRedisRecent(version: string): boolean {
  return version.localeCompare(VERSION_MIN, "en", { numeric: true }) >= 0;
}

/** Finds a server program, or installs one; a sentence where neither is possible. */
export async function provideRedisServer(options: {
  readonly programs: Programs;
  readonly packages: SystemPackages;
  readonly signal: AbortSignal;
}): Promise<PartReport<RedisServer>> {
  const { programs, packages, signal } = options;
  const before = await redisServers(programs, signal);
  const found = before.find(({ version }) => isRedisRecent(version));
  if (found !== undefined) return { state: "found", ...found };

  const advice = await packages.install(["redis-server"]);
  // A service that was there before is the user's.
  if (advice === undefined && before.length === 0) await keepServiceOff(programs, signal);
  const after = await redisServers(programs, signal);
  const installed = after.find(({ version }) => isRedisRecent(version));
  if (installed !== undefined) return { state: "installed", ...installed };

  const old = after.map(({ path, version }) => `${path} is ${version}`).join(", ");
  const state = old === "" ? "not found" : `too old: ${old}`;
  return {
    state: "missing",
    reason: `redis-server ${VERSION_MIN} or later ${state}` +
      (advice === undefined ? "" : `; ${advice}`),
  };
}

async function redisServers(programs: Programs, signal: AbortSignal): Promise<RedisServer[]> {
  const servers: RedisServer[] = [];
  for (const name of SERVERS) {
    const path = await programs.find(name);
    if (path === undefined) continue;
    const run = await programs.run(path, ["--version"], { signal });
    const version = parseRedisVersion(run.stdout);
    if (version !== undefined) servers.push({ path, version });
  }
  return servers;
}

/** The package enables a service of its own; Weir needs the program alone. */
async function keepServiceOff(programs: Programs, signal: AbortSignal): Promise<void> {
  const program = await programs.find(SERVICE_SWITCH);
  if (program !== undefined) await programs.run(program, ["redis-server", "disable"], { signal });
}
