/**
 * What every way to the native addon looks like.
 *
 * @module
 */
import type { Programs } from "./programs.ts";
import type { Progress } from "./progress.ts";

/** One way to get the addon's files. */
export interface AddonSource {
  /** Names the very files it yields: versions, platform, digest. */
  readonly key: string;
  /** For people: `TensorFlow 2.21.0 from PyPI`. */
  readonly title: string;
  /** Whether its files come from a compiler here (`built`) or ready-made (`installed`). */
  readonly state: "installed" | "built";
  /** One sentence where this machine lacks what it takes, and nothing here can install that. */
  obstacle(): Promise<string | undefined>;
  /**
   * Makes the tree of files; may take minutes.
   *
   * @param work A new empty folder for whatever it needs.
   */
  make(work: string): Promise<Made>;
}

/** The folder of the finished tree, or one sentence. */
export type Made = { readonly tree: string } | { readonly fault: string };

/** What every source works with. */
export interface SourceTools {
  readonly programs: Programs;
  readonly progress: Progress;
  /** Real path of the npm package tfjs-node. */
  readonly packageFolder: string;
  readonly signal: AbortSignal;
}
