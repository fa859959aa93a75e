/**
 * Jobs to be followed, without Redis: a test says what attaching gives and what the feed brings.
 *
 * @module
 */
import type { FeedItem, JobEvent } from "../../shared/broker.ts";
import { type JobRecord, queuedRecord } from "../../shared/job.ts";
import { newJob } from "../../shared/testing/broker.ts";
import { type KeptLog, keptLog } from "../../shared/testing/kept_log.ts";
import { ManualClock } from "../../shared/testing/manual_clock.ts";
import { Deadlines } from "../deadlines.ts";
import { NOTHING } from "../events/event.ts";
import { FollowedJob } from "../events/followed_job.ts";
import { Waiters } from "../waiters.ts";

const TIMEOUT_MS = 3_600_000;

/** Who would ask Redis fails. */
const QUEUE = {
  attach: () => Promise.reject(new Error("nobody attaches")),
  get: () => Promise.reject(new Error("nobody reads")),
  conclude: () => Promise.reject(new Error("nobody concludes")),
};

export class Following {
  readonly clock = new ManualClock();
  readonly log: KeptLog = keptLog();
  readonly waiters = new Waiters({ queue: QUEUE, clock: this.clock, log: this.log });

  /** Begins to follow a job that is not attached yet. */
  begin({ id }: JobRecord, after = NOTHING): FollowedJob {
    const deadlines = new Deadlines({ queue: QUEUE, clock: this.clock });
    return new FollowedJob({ ...this, deadlines }, id, after);
  }

  /** Has the gateway's feed bring news. */
  async tell(event: JobEvent): Promise<void> {
    const stop = new AbortController();
    const items = async function* (): AsyncIterable<FeedItem> {
      yield { kind: "event", event, ours: true };
      stop.abort();
    };
    await this.waiters.follow({ items }, stop.signal);
  }
}

/** A job that waits, of some images. */
export function queuedJob(images = 1): JobRecord {
  const job = newJob({
    images: Array.from({ length: images }, () => ({ bytes: new Uint8Array() })),
  });
  return queuedRecord({ ...job, timeoutMs: TIMEOUT_MS }, 0);
}

/** News of a running job: answers of images from `from` on up to `to`, that one left out. */
export function progressOf(record: JobRecord, from: number, to: number, label = "star"): JobEvent {
  return { id: record.id, from, record: answered(record, from, to, label) };
}

/** The record of a job that runs, or has succeeded, with answers of its first images. */
export function answered(record: JobRecord, from: number, to: number, label = "star"): JobRecord {
  const { total } = record.images;
  const results = Array.from({ length: to - from }, () => ({
    predictions: [{ label, probability: 1 }],
  }));
  const state = to === total && from === 0 ? "succeeded" : "running";
  return { ...record, state, startedAt: 1, attempts: 1, images: { total, done: to }, results };
}
