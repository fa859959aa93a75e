/**
 * A job that somebody follows: all that has happened, then what happens, as one sequence.
 *
 * Owns one client's place in the sequence. It waits in the gateway's table before it is attached,
 * so that nothing happens unheard in between, and asks Redis nothing while nothing happens.
 * Never cancels the job.
 * Invariant: a listener hears each event once, in the order of their ids, and then of the end.
 *
 * @example
 * ```ts ignore
 * const followed = await jobs.follow(caller, id);
 * if (!followed.ok) return problemResponse(followed);
 * using job = followed.value;
 * job.listen({ events: (events) => send(events), end: () => close() });
 * ```
 *
 * @module
 */
import { BrokerUnavailable, type JobEvent } from "../../shared/broker.ts";
import { isFinal, type JobId, type JobRecord } from "../../shared/job.ts";
import type { Log } from "../../shared/log.ts";
import { DEADLINE_GRACE_MS, type Deadlines } from "../deadlines.ts";
import type { Waiter, Waiters } from "../waiters.ts";
import { eventsOf, type FollowedEvent, isTold } from "./event.ts";

/** Who is told. Called back by the feed that serves all: quick, and never throwing. */
export interface Listener {
  /** Takes the next events, one or more. */
  events(events: readonly FollowedEvent[]): void;
  /**
   * Called once, after the outcome, or where none can be told because the record is gone or
   * Redis away; never after the job was disposed of.
   */
  end(): void;
}

export interface FollowedJobParts {
  readonly waiters: Pick<Waiters, "register">;
  readonly deadlines: Deadlines;
  readonly log: Log;
}

/** Disposing of it ends it at any time. */
export class FollowedJob implements Disposable {
  readonly id: JobId;
  readonly #parts: FollowedJobParts;
  readonly #waiter: Waiter;
  /** The id of the last event that was told. */
  #after: number;
  #record: JobRecord | undefined;
  #listener: Listener | undefined;
  /** News that came before anybody listened. */
  #heard: JobEvent[] = [];

  /**
   * Begins to listen to the gateway's feed; the job is to be attached next.
   *
   * @param after id of the event that was told last
   */
  constructor(parts: FollowedJobParts, id: JobId, after: number) {
    this.#parts = parts;
    this.id = id;
    this.#after = after;
    this.#waiter = parts.waiters.register(id, (event) => this.#hear(event));
    this.#waiter.submitted = true;
  }

  /** Takes the record that attaching gave. */
  attached(record: JobRecord): void {
    this.#record = record;
    // Before news that was heard meanwhile, which tells of some images alone.
    this.#heard.unshift({ id: this.id, record, from: 0 });
    if (isFinal(record.state)) this.#waiter.end({ kind: "final", record });
  }

  /** Whether the outcome was what had been told last. */
  get isTold(): boolean {
    return this.#record !== undefined && isTold(this.#record, this.#after);
  }

  /** Tells a listener what has happened, at once, and what happens from now on. */
  listen(listener: Listener): void {
    this.#listener = listener;
    for (const event of this.#heard.splice(0)) this.#tell(event);
    void this.#untilOver();
  }

  #hear(event: JobEvent): void {
    if (this.#listener === undefined) this.#heard.push(event);
    else this.#tell(event);
  }

  #tell(news: JobEvent): void {
    const events = eventsOf(news, this.#after);
    if (events.length === 0) return;
    this.#after = events.at(-1)!.id;
    this.#listener?.events(events);
  }

  async #untilOver(): Promise<void> {
    try {
      const record = await this.#outcome();
      if (record !== undefined) this.#tell({ id: this.id, record, from: 0 });
    } catch (error) {
      if (!(error instanceof BrokerUnavailable)) throw error;
      this.#parts.log.debug("outcome cannot be read", { job: this.id, error: error.message });
    }
    this.#listener?.end();
    this[Symbol.dispose]();
  }

  /** The record with the outcome; undefined where it is gone, or was not waited for to the end. */
  async #outcome(): Promise<JobRecord | undefined> {
    const { deadlines } = this.#parts;
    const remainingMs = deadlines.remainingMs(this.#record!);
    const waited = await this.#waiter.wait(remainingMs + DEADLINE_GRACE_MS);
    if (waited.kind === "pending") return await deadlines.expire(this.id);
    return waited.kind === "final" ? waited.record : undefined;
  }

  [Symbol.dispose](): void {
    this.#listener = undefined;
    this.#waiter.end({ kind: "left" });
    this.#waiter[Symbol.dispose]();
  }
}
