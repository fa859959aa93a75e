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
import type { Tracing } from "../shared/tracing.ts";
import type { Waiter, Waiters } from "./waiters.ts";

export interface PlacementParts {
  readonly queue: Pick<JobQueue, "shards" | "submit">;
  readonly waiters: Waiters;
  readonly tracing: Tracing;
}

/** A job as it was submitted, and what became of it. */
export interface Placed {
  readonly job: NewJob;
  readonly waiter: Waiter;
  readonly submitted: Submitted;
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
  async submit(asked: NewJob): Promise<Placed> {
    const { queue, waiters, tracing } = this.#parts;
    const sending = tracing.send(asked);
    const { traceparent } = sending;
    const job = traceparent === undefined ? asked : { ...asked, traceparent };
    const tries = job.idempotency === undefined ? queue.shards : 1;
    for (let i = 0;; i++) {
      const shard = (shardOf(job.id) + i) % queue.shards;
      const waiter = waiters.register(movedTo(job.id, shard));
      try {
        const placed = { ...job, id: waiter.id };
        const submitted = await queue.submit(placed);
        sending.end(waiter.id, submitted.kind);
        return { job: placed, waiter, submitted };
      } catch (error) {
        waiter[Symbol.dispose]();
        const elsewhere = error instanceof BrokerUnavailable && error.untouched;
        if (elsewhere && i + 1 < tries) continue;
        sending.fail(error);
        throw error;
      }
    }
  }
}
