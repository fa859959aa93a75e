/**
 * The shards on which jobs are placed.
 *
 * Owns the turns that they take. Invariant: one idempotency key is always for one shard, where its
 * first job is found.
 *
 * @module
 */
import { BrokerUnavailable, type JobQueue, type Submitted } from "../shared/broker.ts";
import { type JobId, movedTo, type NewJob, newJobId, shardOf } from "../shared/job.ts";
import type { Waiter, Waiters } from "./waiters.ts";

export interface PlacementParts {
  readonly queue: Pick<JobQueue, "shards" | "submit">;
  readonly waiters: Waiters;
}

/** Hexadecimal digits of an idempotency key's digest that choose its shard. */
const DIGEST_PART = 8;

export class Placement {
  readonly #parts: PlacementParts;
  /** Counts the jobs. */
  #turns = 0;

  constructor(parts: PlacementParts) {
    this.#parts = parts;
  }

  /** The id of a new job, which names its shard. */
  newId(idempotency: NewJob["idempotency"]): JobId {
    const turn = idempotency === undefined
      ? this.#turns++
      : Number.parseInt(idempotency.digest.slice(0, DIGEST_PART), 16);
    return newJobId(turn % this.#parts.queue.shards, () => crypto.randomUUID());
  }

  /** Submits a job; where its shard cannot be reached, it becomes one of the next. */
  async submit(
    job: NewJob,
  ): Promise<{ readonly waiter: Waiter; readonly submitted: Submitted }> {
    const { queue, waiters } = this.#parts;
    const tries = job.idempotency === undefined ? queue.shards : 1;
    for (let i = 0;; i++) {
      const shard = (shardOf(job.id) + i) % queue.shards;
      const waiter = waiters.register(movedTo(job.id, shard));
      try {
        return { waiter, submitted: await queue.submit({ ...job, id: waiter.id }) };
      } catch (error) {
        waiter[Symbol.dispose]();
        const elsewhere = error instanceof BrokerUnavailable && error.untouched;
        if (!elsewhere || i + 1 === tries) throw error;
      }
    }
  }
}
