/**
 * Jobs from the gateway's side: checked, submitted, waited for, ended.
 *
 * Owns the order of the steps: first the images are judged, then the waiter is registered, then
 * the job is queued. Invariant: an answer that a job is over is the one its record holds.
 *
 * @module
 */
import { BrokerUnavailable, type JobQueue } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import {
  bytesOf,
  isFinal,
  type JobId,
  type JobRecord,
  type NewJob,
  queuedRecord,
} from "../shared/job.ts";
import type { Log } from "../shared/log.ts";
import type { ModelCard } from "../shared/model_card.ts";
import { jobFields } from "../shared/traceparent.ts";
import type { Tracing } from "../shared/tracing.ts";
import { unfitFor } from "./answer_bounds.ts";
import type { Catalog } from "./catalog.ts";
import { DEADLINE_GRACE_MS, Deadlines } from "./deadlines.ts";
import { isTold, lastId, NOTHING } from "./events/event.ts";
import { FollowedJob, type FollowedJobParts } from "./events/followed_job.ts";
import { idempotencyOf } from "./idempotency.ts";
import type { Caller } from "./keys/caller.ts";
import type { SubmitParameters } from "./parameters.ts";
import { Placement } from "./placement.ts";
import { atCapacity, BUSY, fault, noSuch, type Refusal } from "./problem.ts";
import type { Waited, Waiter, Waiters } from "./waiters.ts";

/** A value, or why there is none. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | ({ readonly ok: false } & Refusal);

export interface JobsParts {
  readonly queue: JobQueue;
  readonly waiters: Waiters;
  readonly catalog: Catalog;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: Log;
  /** `WEIR_TIMEOUT_MS`. */
  readonly timeoutMs: number;
  /** `WEIR_RESULT_TTL_MS`. */
  readonly resultTtlMs: number;
  /** `WEIR_QUEUE_WAIT_MAX_MS`. */
  readonly waitMaxMs?: number | undefined;
}

/** How long the record of a job that was only waited for outlives its deadline. */
const WAITED_KEEP_MS = 60_000;

/** An accepted job that somebody in this process can wait for. */
export interface Accepted extends Disposable {
  readonly id: JobId;
  /** The job as it was when it was accepted, or met again. */
  readonly record: JobRecord;
  readonly timeoutMs: number;
  readonly waiter: Waiter;
  /** Whether it is to be done although the client that waits may leave. */
  readonly wanted: boolean;
}

function accepted(
  job: Pick<Accepted, "record" | "timeoutMs" | "waiter" | "wanted">,
  stack: DisposableStack,
): Accepted {
  return { ...job, id: job.waiter.id, [Symbol.dispose]: () => stack.dispose() };
}

export class Jobs {
  readonly #parts: JobsParts;
  readonly #placement: Placement;
  readonly #deadlines: Deadlines;
  readonly #following: FollowedJobParts;

  constructor(parts: JobsParts) {
    this.#parts = parts;
    this.#placement = new Placement(parts);
    this.#deadlines = new Deadlines(parts);
    this.#following = { ...parts, deadlines: this.#deadlines };
  }

  /**
   * Submits a job.
   *
   * @param caller whose job it is
   * @param keep whether its record is to be read later, or only waited for
   */
  async submit(
    caller: Caller,
    images: readonly Uint8Array[],
    parameters: SubmitParameters,
    keep: boolean,
  ): Promise<Result<Accepted>> {
    const { log, timeoutMs: defaultMs, resultTtlMs, waitMaxMs = Infinity } = this.#parts;
    const found = await this.model(caller, parameters.model);
    if (!found.ok) return found;
    const card = found.value;
    const unfit = unfitFor(card, images.length, parameters);
    if (unfit !== undefined) return { ok: false, ...unfit };
    const { version, timeoutMs = defaultMs, top, traceparent, idempotencyKey } = parameters;
    const idempotency = idempotencyKey === undefined
      ? undefined
      : idempotencyOf(caller.name, idempotencyKey, { images, model: card.name, version, top });
    const id = this.#placement.newId(idempotency);
    const jobImages = images.map((bytes) => ({ bytes }));
    const refusal = await caller.take({ id, bytes: bytesOf(jobImages), timeoutMs });
    if (refusal !== undefined) return { ok: false, ...refusal };
    using guard = new DisposableStack();
    const asked: NewJob = {
      id,
      owner: caller.name,
      model: card.name,
      images: jobImages,
      timeoutMs,
      keepMs: keep || idempotency !== undefined ? resultTtlMs : WAITED_KEEP_MS,
      ...(!keep && { waitMaxMs: Math.min(waitMaxMs, timeoutMs) }),
      ...(version !== undefined && { version }),
      ...(top !== undefined && { top }),
      ...(traceparent !== undefined && { traceparent }),
      ...(idempotency !== undefined && { idempotency }),
    };
    const { job, waiter, submitted } = await this.#placement.submit(asked).catch((error) => {
      // Should it have been queued after all, one more runs: better than a place that nobody has.
      caller.release(id).catch(() => {});
      throw error;
    });
    guard.use(waiter);
    if (submitted.kind !== "queued" && submitted.kind !== "exists") await caller.release(waiter.id);
    switch (submitted.kind) {
      case "full":
        log.warn("queue is full", { model: card.name, ...submitted.load });
        return { ok: false, ...atCapacity(submitted.waitMs) };
      case "slow":
        log.debug("wait would be too long", { model: card.name, waitMs: submitted.waitMs });
        return { ok: false, ...atCapacity(submitted.waitMs) };
      case "mismatch":
        return MISMATCH;
      case "same":
        return await this.#join(submitted.id);
    }
    waiter.submitted = true;
    const owner = caller.name || undefined;
    log.debug("job queued", { ...jobFields(job), owner, images: images.length });
    const record = queuedRecord(job, submitted.createdAt);
    const wanted = idempotency !== undefined;
    return { ok: true, value: accepted({ record, timeoutMs, waiter, wanted }, guard.move()) };
  }

  /** The model that is asked for, as the caller may see it. */
  async model(caller: Caller, name: string | undefined): Promise<Result<ModelCard>> {
    const card = await this.#parts.catalog.find(caller, name);
    if (card === "none") return { ok: false, ...BUSY };
    if (card !== "unknown") return { ok: true, value: card };
    const why = name === undefined
      ? fault("not_found", "no model is the default")
      : this.#parts.catalog.missing(caller, name);
    return { ok: false, ...why };
  }

  /** Waits for a job that was submitted before, with the same idempotency key. */
  async #join(id: JobId): Promise<Result<Accepted>> {
    const { queue, waiters } = this.#parts;
    using guard = new DisposableStack();
    const waiter = guard.use(waiters.register(id));
    const [record] = await queue.attach([{ id, progress: false }]);
    if (record === undefined) return { ok: false, ...BUSY };
    waiter.submitted = true;
    if (isFinal(record.state)) waiter.end({ kind: "final", record });
    const timeoutMs = this.#deadlines.remainingMs(record);
    return { ok: true, value: accepted({ record, timeoutMs, waiter, wanted: true }, guard.move()) };
  }

  /** Waits for an accepted job until its deadline; by then at the latest it has an outcome. */
  async outcome(job: Accepted, client: AbortSignal): Promise<Result<JobRecord>> {
    const waited = await this.#waited(job.waiter, Infinity, job.timeoutMs, client);
    if (waited.kind === "left") await this.#abandon(job);
    return outcomeOf(waited);
  }

  /** Waits for an outcome for some time; the job's deadline, where it comes first, brings one. */
  async #waited(
    waiter: Waiter,
    ms: number,
    untilOverMs: number,
    client: AbortSignal,
  ): Promise<Waited> {
    const isToTheEnd = ms >= untilOverMs;
    const waited = await waiter.wait(isToTheEnd ? untilOverMs + DEADLINE_GRACE_MS : ms, client);
    if (waited.kind !== "pending" || !isToTheEnd) return waited;
    const record = await this.#deadlines.expire(waiter.id);
    return record === undefined ? { kind: "gone" } : { kind: "pending", record };
  }

  /** A client that goes takes its job along, unless somebody else wants it. */
  async #abandon({ id, record, wanted }: Accepted): Promise<void> {
    const { queue, waiters, log } = this.#parts;
    if (wanted || waiters.countFor(id) > 1) return;
    log.info("client left, cancelling its job", jobFields(record));
    await queue.abandon(id);
  }

  /** Waits for an accepted job for some time; where Redis cannot tell then, it is as accepted. */
  async wait(job: Accepted, ms: number, client: AbortSignal): Promise<Result<JobRecord>> {
    if (ms === 0) return { ok: true, value: job.record };
    try {
      return outcomeOf(await this.#waited(job.waiter, ms, job.timeoutMs, client));
    } catch (error) {
      if (!(error instanceof BrokerUnavailable)) throw error;
      const fields = jobFields(job.record);
      this.#parts.log.warn("job cannot be read", { ...fields, error: error.message });
      return { ok: true, value: job.record };
    }
  }

  /** Reads a job; with a time, waits so long for its outcome. */
  async read(
    caller: Caller,
    id: JobId,
    ms: number,
    client: AbortSignal,
  ): Promise<Result<JobRecord>> {
    const { queue, waiters } = this.#parts;
    if (ms === 0) return await this.#current(caller, await queue.get(id));
    using waiter = waiters.register(id);
    const [record] = await queue.attach([{ id, progress: false }]);
    const current = await this.#current(caller, record);
    if (!current.ok || isFinal(current.value.state)) return current;
    waiter.submitted = true;
    const untilOverMs = this.#deadlines.remainingMs(current.value);
    return outcomeOf(await this.#waited(waiter, ms, untilOverMs, client));
  }

  /**
   * Follows a job, whoever else does: its events after one that was told before, or all.
   *
   * @param after id of the event that was told last; one that the job cannot have told is refused
   * @returns undefined where there is nothing left to tell
   */
  async follow(
    caller: Caller,
    id: JobId,
    after = NOTHING,
  ): Promise<Result<FollowedJob | undefined>> {
    using guard = new DisposableStack();
    const job = guard.use(new FollowedJob(this.#following, id, after));
    const [attached] = await this.#parts.queue.attach([{ id, progress: true }]);
    const current = await this.#current(caller, attached);
    if (!current.ok) return current;
    const record = current.value;
    if (after >= lastId(record) && !isTold(record, after)) return noEvent(after);
    if (!job.attached(record)) return { ok: true, value: undefined };
    guard.move();
    return { ok: true, value: job };
  }

  /** Cancels a job; one that has an outcome is `job_finished`. */
  async cancel(caller: Caller, id: JobId): Promise<Result<JobRecord>> {
    const known = await this.#parts.queue.get(id);
    if (known === undefined || !caller.owns(known)) return NO_JOB;
    const record = await this.#parts.queue.conclude(id, "cancelled");
    if (record === undefined) return NO_JOB;
    // Not who has cancelled it counts: where a reply was lost, it was the try before.
    const isCancelled = !isFinal(known.state) && record.state === "cancelled";
    if (isCancelled) return { ok: true, value: record };
    return { ok: false, code: "job_finished", detail: `the job has finished: ${record.state}` };
  }

  /** The record as the caller may see it; a job past its deadline is expired first. */
  async #current(caller: Caller, record: JobRecord | undefined): Promise<Result<JobRecord>> {
    if (record === undefined || !caller.owns(record)) return NO_JOB;
    return found(await this.#deadlines.current(record));
  }
}

/** A record that has to be there: where it is not, Redis has lost it. */
function found(record: JobRecord | undefined): Result<JobRecord> {
  return record === undefined ? { ok: false, ...BUSY } : { ok: true, value: record };
}

function outcomeOf(waited: Waited): Result<JobRecord> {
  return found("record" in waited ? waited.record : undefined);
}

const MISMATCH = { ok: false, ...fault("idempotency_mismatch") } as const;

function noEvent(id: number): Result<never> {
  return { ok: false, code: "invalid_request", detail: `the job has not told of an event "${id}"` };
}

const NO_JOB = { ok: false, ...noSuch("job") } as const;
