/**
 * The port to jobs that could not be done, as their administrators use it.
 *
 * Owns the words. Never says how letters are kept: that is the adapter's, in `redis/`.
 * Invariant: a letter leaves in the step that makes a job of it, or because somebody said so.
 *
 * @module
 */
import type { Full } from "./broker.ts";
import type { JobId, NewJob } from "./job.ts";

/** A job that could not be done, kept with its images. */
export interface DeadLetter {
  /** Id of the job, and the letter's own. */
  readonly id: JobId;
  readonly model: string;
  /** Why the job was given up. */
  readonly reason: string;
  readonly attempts: number;
  /** When it was given up: milliseconds of Redis' clock since 1970 (UTC). */
  readonly failedAt: number;
  readonly images: number;
  /** Sum of the image bytes. */
  readonly bytes: number;
}

/** Some letters, newest first, and how many there are. */
export interface DeadLetterPage {
  readonly letters: readonly DeadLetter[];
  readonly total: number;
}

/** Answer to a replay: the new job's id. `none`: there is no such letter (any more). */
export type Replayed =
  | { readonly kind: "queued"; readonly id: JobId }
  | Full
  | { readonly kind: "none" };

/** What an administrator does with dead letters. */
export interface DeadLetters {
  /**
   * Reads the newest letters of a model, or of all, `max` of them at most, without their images.
   *
   * @returns nothing where there is no such model
   */
  list(model: string | undefined, max: number): Promise<DeadLetterPage | undefined>;
  /**
   * Makes a new job of a letter, which is then gone. The dead job keeps its outcome: a final state
   * is written once. A letter whose job is not admitted stays.
   */
  replay(id: JobId, terms: Pick<NewJob, "owner" | "timeoutMs" | "keepMs">): Promise<Replayed>;
  /** Reads a letter's first image; nothing where there is no such letter (any more). */
  firstImage(id: JobId): Promise<Uint8Array | undefined>;
  /** Throws a letter away; false where there is none. */
  discard(id: JobId): Promise<boolean>;
}
