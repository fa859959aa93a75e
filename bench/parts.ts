/**
 * What bench is given to work with.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";

export interface BenchParts {
  /** Program and arguments that run a role, with the permissions of its task. */
  readonly roleCommand: (role: "gateway" | "worker") => readonly [string, ...string[]];
  /** Environment of the processes, before the settings that are made here. */
  readonly env: Readonly<Record<string, string>>;
  /** The checkout. */
  readonly root: string;
  /** Path of redis-server. */
  readonly redisServer: string;
  /** Rounds that medians are of. */
  readonly rounds: number;
  readonly clock: Clock;
  /** Prints a line. */
  readonly say: (line: string) => void;
  /** Where the progress bar is drawn. */
  readonly terminal: NodeJS.WritableStream;
}
