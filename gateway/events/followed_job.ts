/**
 * A job that somebody follows: all that has happened, then what happens, as one sequence.
 *
 * Owns one client's place in the sequence. It is in the gateway's table before the job is attached,
 * so that nothing happens unheard in between, and asks Redis nothing while nothing happens. There
 * may be many thousands of it: while nothing happens it is an object and a timer, no more.
 * Never cancels the job.
 * Invariant: a listener hears each event once, in the order of their ids, and then of the end.
 *
 * @example
 * ```ts ignore
 * const followed = await jobs.follow(caller, id);
 * if (!followed.ok) return problemResponse(followed);
 * followed.value?.listen({ events: (events) => send(events), end: () => close() });
 * ```
 *
 * @module
 */
import { BrokerUnavailable, type JobEvent } from "../../shared/broker.ts";
import { isFinal, type JobId, type JobRecord } from "../../shared/job.ts";
import type { Log } from "../../shared/log.ts";
import type { Clock } from "../../shared/clock.ts";
import { DEADLINE_GRACE_MS, type Deadlines } from "../deadlines.ts";
import type { Hearer, Waiters } from "../waiters.ts";
import { eventsOf, type FollowedEvent, isTold } from "./event.ts";

/** Who is told. Called back by the feed that serves all: quick, and never throwing. */
export interface Listener {
  /** Takes the next events, one or more. */
  events(events: readonly FollowedEvent[]): void;
  /**
   * Called once, after the outcome, or where none can be told because the record is gone or Redis
   * away; never after the job was disposed of.
   */
  end(): void;
}

export interface FollowedJobParts {
  readonly waiters: Pick<Waiters, "add" | "remove">;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly log: Log;
}

/** Disposing of it ends it at any time. */
export class FollowedJob implements Hearer, Disposable {
  readonly id: JobId;
  readonly submitted = true;
  readonly hearsProgress = true;
  readonly #parts: FollowedJobParts;
  /** The id of the last event that was told. */
  #after: number;
  #listener: Listener | undefined;
  /** What came before anybody listened: first the record, once it is attached. */
  #heard: JobEvent[] = [];
  #stopTimer: (() => void) | undefined;

  /**
   * Begins to listen to the gateway's feed; the job is to be attached next.
   *
   * @param after id of the event that was told last
   */
  constructor(parts: FollowedJobParts, id: JobId, after: number) {
    this.#parts = parts;
    this.id = id;
    this.#after = after;
    parts.waiters.add(this);
  }

  /**
   * Takes the record that attaching gave.
   *
   * @returns whether there is anything left to tell
   */
  attached(record: JobRecord): boolean {
    // Before news that was heard meanwhile, which tells of some images alone.
    this.#heard.unshift({ id: this.id, record, from: 0 });
    return !isTold(record, this.#after);
  }

  /** Tells a listener what has happened, at once, and what happens from now on. */
  listen(listener: Listener): void {
    const { clock, deadlines } = this.#parts;
    this.#listener = listener;
    const heard = this.#heard.splice(0);
    const remainingMs = deadlines.remainingMs(heard[0]!.record);
    this.#stopTimer = clock.after(remainingMs + DEADLINE_GRACE_MS, () => void this.#expire());
    for (const event of heard) this.#tell(event);
  }

  hear(event: JobEvent): void {
    if (this.#listener === undefined) this.#heard.push(event);
    else this.#tell(event);
  }

  lose(): void {
    this.#end();
  }

  #tell(news: JobEvent): void {
    const events = eventsOf(news, this.#after);
    this.#after = events.at(-1)?.id ?? this.#after;
    if (events.length > 0) this.#listener?.events(events);
    if (isFinal(news.record.state)) this.#end();
  }

  /** The deadline is over, and no outcome has come. */
  async #expire(): Promise<void> {
    try {
      const record = await this.#parts.deadlines.expire(this.id);
      if (record !== undefined) this.#tell({ id: this.id, record, from: 0 });
    } catch (error) {
      if (!(error instanceof BrokerUnavailable)) throw error;
      this.#parts.log.debug("outcome cannot be read", { job: this.id, error: error.message });
    }
    this.#end();
  }

  #end(): void {
    const listener = this.#listener;
    this[Symbol.dispose]();
    listener?.end();
  }

  [Symbol.dispose](): void {
    this.#listener = undefined;
    this.#stopTimer?.();
    this.#parts.waiters.remove(this);
  }
}
