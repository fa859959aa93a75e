/**
 * A job's events: what a client is told of it, in order.
 *
 * Owns their ids. An event's id is its place in the one sequence that a job can have, so it is the
 * same for every client, at every gateway, whenever that joins and however often the job is begun.
 * Invariant: ids rise, and an event's content depends on nothing but the job and the id.
 *
 * @module
 */
import type { JobEvent } from "../../shared/broker.ts";
import { type FinalState, isFinal, type JobRecord } from "../../shared/job.ts";
import { type ImageAnswerView, imageAnswerView } from "../answer_view.ts";
import { type JobView, jobView } from "../job_view.ts";

/** One event; its id is a whole number from 0 on. */
export type FollowedEvent =
  & { readonly id: number }
  & (
    /** The job: of `queued` and `running` as it was then, at its first attempt; else for good. */
    | { readonly name: "queued" | "running" | FinalState; readonly data: JobView }
    /** The answer of one image. */
    | { readonly name: "prediction"; readonly data: { readonly index: number } & ImageAnswerView }
    /** The answers of some images are not kept: they come with a success. */
    | { readonly name: "gap"; readonly data: { readonly from: number; readonly to: number } }
  );

/** The id before the first: nothing has been told. */
export const NOTHING = -1;

const [QUEUED, RUNNING, FIRST_IMAGE] = [0, 1, 2];

/** The id of a job's last event, its outcome. */
export function lastId({ images }: JobRecord): number {
  return FIRST_IMAGE + images.total;
}

/** Says whether all has been told of a job to whom the event `after` was the last. */
export function isTold(record: JobRecord, after: number): boolean {
  return isFinal(record.state) && after === lastId(record);
}

/**
 * The events that news of a job brings to whom the event `after` was the last; none where the news
 * is old.
 *
 * @param news results of images from `from` on; with a record that was read, all that are kept
 */
export function eventsOf({ record, from }: JobEvent, after: number): FollowedEvent[] {
  const { startedAt, images: { done }, results = [] } = record;
  const events: FollowedEvent[] = [];
  if (after < QUEUED) events.push({ id: QUEUED, name: "queued", data: asQueued(record) });
  if (after < RUNNING && startedAt !== undefined) {
    events.push({ id: RUNNING, name: "running", data: asBegun(record) });
  }
  let index = Math.max(0, after + 1 - FIRST_IMAGE);
  const skipTo = (to: number) => {
    if (index >= to) return;
    const data = { from: index, to: to - 1 };
    events.push({ id: FIRST_IMAGE + data.to, name: "gap", data });
    index = to;
  };
  if (results.length > 0) skipTo(from);
  for (; index < from + results.length; index++) {
    const data = { index, ...imageAnswerView(results[index - from]!) };
    events.push({ id: FIRST_IMAGE + index, name: "prediction", data });
  }
  skipTo(done);
  if (isFinal(record.state) && after < lastId(record)) {
    events.push({ id: lastId(record), name: record.state, data: jobView(record) });
  }
  return events;
}

/** The job as it was when it was accepted. */
function asQueued(record: JobRecord): JobView {
  return jobView(queuedAgain(record));
}

/** The job as it was when a worker began it first. */
function asBegun(record: JobRecord): JobView {
  const { startedAt, timings: { queueMs } } = record;
  return jobView({
    ...queuedAgain(record),
    state: "running",
    attempts: 1,
    ...(startedAt !== undefined && { startedAt }),
    timings: { ...(queueMs !== undefined && { queueMs }) },
  });
}

function queuedAgain({ id, owner, model, createdAt, deadlineAt, images }: JobRecord): JobRecord {
  const timed = { createdAt, deadlineAt, timings: {} };
  const fresh = { state: "queued", attempts: 0, images: { ...images, done: 0 } } as const;
  return { id, owner, model, ...timed, ...fresh };
}
