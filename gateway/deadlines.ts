/**
 * Jobs whose time is over: whoever looks at one first ends it.
 *
 * Owns the way from this machine's clock to Redis', which decides. Invariant: what it gives back of
 * a job past its deadline is its outcome, unless Redis' clock was set back meanwhile.
 *
 * @module
 */
import type { JobQueue } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import { isFinal, type JobId, type JobRecord } from "../shared/job.ts";

export interface DeadlinesParts {
  readonly queue: Pick<JobQueue, "conclude">;
  readonly clock: Clock;
}

/** Time added to a wait for the deadline, so that Redis' clock has passed it too. */
export const DEADLINE_GRACE_MS = 20;

const EXPIRE_TRIES_MAX = 50;
const NEVER = new AbortController().signal;

export class Deadlines {
  readonly #parts: DeadlinesParts;
  /** Jobs that are being expired: all who follow one come at the same moment. */
  readonly #expiring = new Map<JobId, Promise<JobRecord | undefined>>();

  constructor(parts: DeadlinesParts) {
    this.#parts = parts;
  }

  /**
   * Milliseconds to a job's deadline, none below 0: from when the record was read, or by this
   * machine's clock, which may be another than Redis', where that is not known.
   */
  remainingMs({ deadlineAt, readAt = this.#parts.clock.wall() }: JobRecord): number {
    return Math.max(0, deadlineAt - readAt);
  }

  /** The record, or that of the job expired; undefined where it is gone meanwhile. */
  async current(record: JobRecord): Promise<JobRecord | undefined> {
    if (isFinal(record.state) || this.remainingMs(record) > 0) return record;
    return await this.#parts.queue.conclude(record.id, "expired");
  }

  /**
   * Expires a job whose deadline is over, once for all who ask meanwhile; should Redis' clock be a
   * little behind, a little later.
   *
   * @returns its record as it is then; undefined where it is gone
   */
  expire(id: JobId): Promise<JobRecord | undefined> {
    const expiring = this.#expiring.get(id) ??
      this.#expire(id).finally(() => this.#expiring.delete(id));
    this.#expiring.set(id, expiring);
    return expiring;
  }

  async #expire(id: JobId): Promise<JobRecord | undefined> {
    for (let tries = 1;; tries++) {
      const record = await this.#parts.queue.conclude(id, "expired");
      const over = record === undefined || isFinal(record.state);
      if (over || tries === EXPIRE_TRIES_MAX) return record;
      await this.#parts.clock.sleep(DEADLINE_GRACE_MS, NEVER);
    }
  }
}
