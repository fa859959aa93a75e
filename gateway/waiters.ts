/**
 * Everybody in this process who waits for a job's outcome, or hears of it before.
 *
 * Owns the table from job to those who hear of it. Never asks Redis per waiter and never polls:
 * news comes from the feeds; after a gap a shard's waiters are attached again and their records
 * read, many in each round trip, and a waiter whose time is over has its record read once more.
 * Invariant: every wait ends, by its outcome or by its time.
 *
 * @module
 */
import type { FeedItem, JobEvent, JobQueue, ResultFeed } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import { isFinal, type JobId, type JobRecord, shardOf } from "../shared/job.ts";
import type { Log } from "../shared/log.ts";

/**
 * How a wait ended. `pending`: the time is over, here is the record as it is. `gone`: Redis has
 * no such record (any more). `left`: the waiting client went away.
 */
export type Waited =
  | { readonly kind: "final" | "pending"; readonly record: JobRecord }
  | { readonly kind: "gone" | "left" };

/** Somebody who hears of one job, from being added to being removed. */
export interface Hearer {
  readonly id: JobId;
  /** Whether the job is known to Redis: only then does a missing record mean anything. */
  readonly submitted: boolean;
  /** Whether how far the job has come is of interest, not its outcome alone. */
  readonly hearsProgress: boolean;
  /** Takes news of the job. */
  hear(event: JobEvent): void;
  /** Is told that Redis has no record of the job (any more). */
  lose(): void;
}

export interface WaitersParts {
  readonly queue: Pick<JobQueue, "get" | "attach">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Pause before the records are read again after Redis could not be reached. */
const RECHECK_PAUSE_MS = 500;

/**
 * Jobs that are attached again in one round trip, of some 60 µs each: with those of thousands of
 * waiters, the call would not come back in time, however often it is tried.
 */
const RECHECKED_AT_ONCE = 250;

export class Waiters {
  readonly #parts: WaitersParts;
  readonly #waiting = new Map<JobId, Set<Hearer>>();
  /** Waits that ended by reading the record, because no event came. */
  fallbacks = 0;

  constructor(parts: WaitersParts) {
    this.#parts = parts;
  }

  /** Waits under way. */
  get size(): number {
    let size = 0;
    for (const waiters of this.#waiting.values()) size += waiters.size;
    return size;
  }

  /** Registers a waiter; to be done before the job is submitted, or its outcome could slip by. */
  register(id: JobId): Waiter {
    const waiter: Waiter = new Waiter(id, this.#parts.clock, {
      leave: () => this.remove(waiter),
      readRecord: () => {
        this.fallbacks++;
        return this.#parts.queue.get(id);
      },
    });
    this.add(waiter);
    return waiter;
  }

  /** Adds one who hears; to be done before the job is attached, or something could slip by. */
  add(hearer: Hearer): void {
    const hearers = this.#waiting.get(hearer.id) ?? new Set();
    this.#waiting.set(hearer.id, hearers.add(hearer));
  }

  remove(hearer: Hearer): void {
    const hearers = this.#waiting.get(hearer.id);
    hearers?.delete(hearer);
    if (hearers?.size === 0) this.#waiting.delete(hearer.id);
  }

  /** Waits under way for one job. */
  countFor(id: JobId): number {
    return this.#waiting.get(id)?.size ?? 0;
  }

  /** Follows a shard's feed until it ends. */
  async follow(feed: ResultFeed, signal: AbortSignal): Promise<void> {
    for await (const item of feed.items(signal)) await this.#take(item, signal);
  }

  async #take(item: FeedItem, signal: AbortSignal): Promise<void> {
    if (item.kind === "gap") return await this.#recheck(item.shard, signal);
    for (const hearer of this.#waiting.get(item.event.id) ?? []) hearer.hear(item.event);
  }

  /** Attaches a shard's waiters again, and ends the waits that can end. */
  async #recheck(shard: number, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    while (!signal.aborted) {
      try {
        return await this.#attachAgain(shard);
      } catch (error) {
        log.warn("records cannot be read, trying again", { error: String(error) });
        await clock.sleep(RECHECK_PAUSE_MS, signal);
      }
    }
  }

  async #attachAgain(shard: number): Promise<void> {
    const submitted = [...this.#waiting.values()].flatMap((set) => [...set])
      .filter(({ submitted, id }) => submitted && shardOf(id) === shard);
    const asked = [...Map.groupBy(submitted, ({ id }) => id)]
      .map(([id, all]) => ({ id, progress: all.some(({ hearsProgress }) => hearsProgress) }));
    for (let from = 0; from < asked.length; from += RECHECKED_AT_ONCE) {
      const some = asked.slice(from, from + RECHECKED_AT_ONCE);
      const records = await this.#parts.queue.attach(some);
      some.forEach(({ id }, i) => this.#found(id, records[i]));
    }
  }

  #found(id: JobId, record: JobRecord | undefined): void {
    const over = record === undefined || isFinal(record.state);
    for (const hearer of this.#waiting.get(id) ?? []) {
      if (over) this.fallbacks++;
      if (record === undefined) hearer.lose();
      else hearer.hear({ id, record, from: 0 });
    }
  }
}

/** What a waiter knows of the table that it is in. */
interface WaiterTable {
  readonly leave: () => void;
  readonly readRecord: () => Promise<JobRecord | undefined>;
}

/** One wait. Disposing of it ends it. */
export class Waiter implements Hearer, Disposable {
  readonly id: JobId;
  /** Set once the job is known to Redis. */
  submitted = false;
  readonly hearsProgress = false;
  readonly #clock: Clock;
  readonly #table: WaiterTable;
  readonly #ended = Promise.withResolvers<Waited | "timeout">();

  constructor(id: JobId, clock: Clock, table: WaiterTable) {
    this.id = id;
    this.#clock = clock;
    this.#table = table;
  }

  /** Takes news of the job: an outcome ends the wait. */
  hear({ record }: JobEvent): void {
    if (isFinal(record.state)) this.end({ kind: "final", record });
  }

  lose(): void {
    this.end({ kind: "gone" });
  }

  /** Ends the wait; only the first end counts. */
  end(waited: Waited): void {
    this.#ended.resolve(waited);
  }

  /** Waits for the outcome, for `ms` at most or until the client leaves. */
  async wait(ms: number, client: AbortSignal): Promise<Waited> {
    const cancel = this.#clock.after(ms, () => this.#ended.resolve("timeout"));
    const left = () => this.#ended.resolve({ kind: "left" });
    client.addEventListener("abort", left, { once: true });
    if (client.aborted) left();
    try {
      const ended = await this.#ended.promise;
      if (ended !== "timeout") return ended;
      const record = await this.#table.readRecord();
      if (record === undefined) return { kind: "gone" };
      return { kind: isFinal(record.state) ? "final" : "pending", record };
    } finally {
      cancel();
      client.removeEventListener("abort", left);
    }
  }

  [Symbol.dispose](): void {
    this.#table.leave();
  }
}
