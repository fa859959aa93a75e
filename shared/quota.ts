/**
 * How much an API key may ask for, and the port that counts it over all gateways.
 *
 * Owns the words. Never counts: that is the adapter's, in `redis/`.
 * Invariant: what is refused is not counted.
 *
 * @module
 */
import type { JobId } from "./job.ts";

/** Bounds of one API key, each of them optional. */
export interface Quota {
  /** Jobs in a window. */
  readonly requestsMax?: number;
  /** Image bytes in a window. */
  readonly bytesMax?: number;
  /** Length of a window, which begins with the first job after the last one. */
  readonly windowMs: number;
  /** Jobs that have no outcome yet. */
  readonly jobsMax?: number;
}

/** What a job takes of its key's quota. */
export interface QuotaUse {
  readonly id: JobId;
  readonly bytes: number;
  /** Time after which the job counts as done, though nobody said so. */
  readonly timeoutMs: number;
}

/** What is used of a quota, this moment. */
export interface QuotaState {
  readonly requests: number;
  readonly bytes: number;
  /** Jobs without an outcome. */
  readonly jobs: number;
  /** Time to the end of the window. */
  readonly resetMs: number;
}

/** Whether a job may be submitted; if not, which bound it would break. */
export interface Taken {
  readonly refused?: "requests" | "bytes" | "jobs";
  readonly state: QuotaState;
}

/** What a gateway does with quotas. */
export interface Quotas {
  /** Counts a job in one step, unless it would break a bound. */
  take(owner: string, quota: Quota, use: QuotaUse): Promise<Taken>;
  /** Takes a job that has its outcome, or was not queued after all, off those without one. */
  release(owner: string, id: JobId): Promise<void>;
}
