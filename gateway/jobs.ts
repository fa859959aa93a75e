/**
 * Jobs from the gateway's side: checked, submitted, waited for, ended.
 *
 * Owns the order of the steps: first the images are judged, then the waiter is registered, then
 * the job is queued. Invariant: an answer that a job is over is the one its record holds.
 *
 * @module
 */
import type { JobQueue } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Fault } from "../shared/errors.ts";
import { isFinal, type JobId, type JobRecord, newJobId } from "../shared/job.ts";
import type { Log } from "../shared/log.ts";
import type { Catalog } from "./catalog.ts";
import type { SubmitParameters } from "./parameters.ts";
import { AT_CAPACITY, BUSY } from "./problem.ts";
import type { Waited, Waiter, Waiters } from "./waiters.ts";

/** A value, or why there is none. */
export type Result<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Fault);

export interface JobsParts {
  readonly queue: JobQueue;
  readonly waiters: Waiters;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
  /** `WEIR_TIMEOUT_MS`. */
  readonly timeoutMs: number;
  /** `WEIR_RESULT_TTL_MS`. */
  readonly resultTtlMs: number;
}

/** How long the record of a job that was only waited for outlives its deadline. */
const WAITED_KEEP_MS = 60_000;

/** Time added to a wait for the deadline, so that Redis' clock has passed it too. */
const DEADLINE_GRACE_MS = 20;

/** An accepted job that somebody in this process can wait for. */
export interface Accepted extends Disposable {
  readonly id: JobId;
  readonly timeoutMs: number;
  readonly waiter: Waiter;
}

export class Jobs {
  readonly #parts: JobsParts;

  constructor(parts: JobsParts) {
    this.#parts = parts;
  }

  /**
   * Submits a job.
   *
   * @param keep whether its record is to be read later, or only waited for
   */
  async submit(
    images: readonly Uint8Array[],
    parameters: SubmitParameters,
    keep: boolean,
  ): Promise<Result<Accepted>> {
    const { queue, waiters, catalog, log, timeoutMs: defaultMs, resultTtlMs } = this.#parts;
    const card = await catalog.find(parameters.model);
    if (card === "none") return { ok: false, ...BUSY };
    if (card === "unknown") {
      const which = parameters.model === undefined ? "no model is the default" : "no such model";
      return { ok: false, code: "not_found", detail: which };
    }
    const id = newJobId(0, () => crypto.randomUUID());
    const { timeoutMs = defaultMs, top, traceparent } = parameters;
    using guard = new DisposableStack();
    const waiter = guard.use(waiters.register(id));
    const submitted = await queue.submit({
      id,
      model: card.name,
      lane: 0,
      images: images.map((bytes) => ({ bytes })),
      timeoutMs,
      keepMs: keep ? resultTtlMs : WAITED_KEEP_MS,
      ...(top !== undefined && { top }),
      ...(traceparent !== undefined && { traceparent }),
    });
    if (submitted.kind === "full") {
      const { jobs, bytes } = submitted.load;
      log.warn("queue is full", { model: card.name, jobs, bytes });
      return { ok: false, ...AT_CAPACITY };
    }
    waiter.submitted = true;
    log.debug("job queued", { job: id, model: card.name, images: images.length });
    const stack = guard.move();
    return { ok: true, value: { id, timeoutMs, waiter, [Symbol.dispose]: () => stack.dispose() } };
  }

  /** Waits for an accepted job until its deadline; by then at the latest it has an outcome. */
  async outcome(job: Accepted, client: AbortSignal): Promise<Result<JobRecord>> {
    const waited = await job.waiter.wait(job.timeoutMs + DEADLINE_GRACE_MS, client);
    if (waited.kind === "left") {
      this.#parts.log.info("client left, cancelling its job", { job: job.id });
      return await this.#ended(job.id, "cancelled");
    }
    if (waited.kind === "pending") return await this.#ended(job.id, "expired");
    return this.#found(waited);
  }

  /** Waits for an accepted job for some time. */
  async wait(job: Accepted, ms: number, client: AbortSignal): Promise<Result<JobRecord>> {
    return this.#found(await job.waiter.wait(Math.min(ms, job.timeoutMs), client));
  }

  /** Reads a job; with a time, waits so long for its outcome. */
  async read(id: JobId, ms: number, client: AbortSignal): Promise<Result<JobRecord>> {
    const { queue, waiters } = this.#parts;
    if (ms === 0) return await this.#current(id, await queue.get(id));
    using waiter = waiters.register(id);
    const record = await queue.attach(id);
    const current = await this.#current(id, record);
    if (!current.ok || isFinal(current.value.state)) return current;
    waiter.submitted = true;
    const waited = await waiter.wait(
      Math.min(ms, this.#remainingMs(current.value) + DEADLINE_GRACE_MS),
      client,
    );
    if (waited.kind !== "pending") return this.#found(waited);
    return await this.#current(id, waited.record);
  }

  /** Cancels a job; one that has an outcome is `job_finished`. */
  async cancel(id: JobId): Promise<Result<JobRecord>> {
    const { written, record } = await this.#parts.queue.conclude(id, "cancelled");
    if (record === undefined) return NO_JOB;
    if (written) return { ok: true, value: record };
    return { ok: false, code: "job_finished", detail: `the job has ${record.state} already` };
  }

  /** The record; a job past its deadline is expired by whoever sees it first. */
  async #current(id: JobId, record: JobRecord | undefined): Promise<Result<JobRecord>> {
    if (record === undefined) return NO_JOB;
    if (isFinal(record.state) || this.#remainingMs(record) > 0) return { ok: true, value: record };
    return await this.#ended(id, "expired");
  }

  /** Time to the deadline by this machine's clock: a hint, Redis' clock decides. */
  #remainingMs({ deadlineAt }: JobRecord): number {
    return deadlineAt - this.#parts.clock.wall();
  }

  async #ended(id: JobId, state: "cancelled" | "expired"): Promise<Result<JobRecord>> {
    const { record } = await this.#parts.queue.conclude(id, state);
    return record === undefined ? { ok: false, ...BUSY } : { ok: true, value: record };
  }

  #found(waited: Waited): Result<JobRecord> {
    if (waited.kind === "final" || waited.kind === "pending") {
      return { ok: true, value: waited.record };
    }
    return { ok: false, ...BUSY };
  }
}

const NO_JOB = { ok: false, code: "not_found", detail: "no such job" } as const;
