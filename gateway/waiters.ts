/**
 * Everybody in this process who waits for a job's outcome.
 *
 * Owns the table from job to waiters. Never asks Redis per waiter and never polls: outcomes come
 * from the feeds; after a gap a shard's waiters' records are read in one round trip, and a waiter whose
 * time is over has its record read once more.
 * Invariant: every wait ends, by its outcome or by its time.
 *
 * @module
 */
import type { FeedItem, JobQueue, ResultFeed } from "../shared/broker.ts";
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

export interface WaitersParts {
  readonly queue: Pick<JobQueue, "get" | "getAll">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Pause before the records are read again after Redis could not be reached. */
const RECHECK_PAUSE_MS = 500;

export class Waiters {
  readonly #parts: WaitersParts;
  readonly #waiting = new Map<JobId, Set<Waiter>>();
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
      leave: () => this.#remove(waiter),
      readRecord: () => {
        this.fallbacks++;
        return this.#parts.queue.get(id);
      },
    });
    const waiters = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiters.add(waiter));
    return waiter;
  }

  /** Waits under way for one job. */
  countFor(id: JobId): number {
    return this.#waiting.get(id)?.size ?? 0;
  }

  #remove(waiter: Waiter): void {
    const waiters = this.#waiting.get(waiter.id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiting.delete(waiter.id);
  }

  /** Follows a shard's feed until it ends. */
  async follow(feed: ResultFeed, signal: AbortSignal): Promise<void> {
    for await (const item of feed.items(signal)) await this.#take(item, signal);
  }

  async #take(item: FeedItem, signal: AbortSignal): Promise<void> {
    if (item.kind === "gap") return await this.#recheck(item.shard, signal);
    const { id, record } = item.event;
    for (const waiter of this.#waiting.get(id) ?? []) waiter.end({ kind: "final", record });
  }

  /** Reads the records of a shard's jobs, in one round trip, and ends the waits that can end. */
  async #recheck(shard: number, signal: AbortSignal): Promise<void> {
    const { queue, clock, log } = this.#parts;
    while (!signal.aborted) {
      const submitted = [...this.#waiting.values()].flatMap((set) => [...set])
        .filter((waiter) => waiter.submitted && shardOf(waiter.id) === shard);
      const ids = [...new Set(submitted.map(({ id }) => id))];
      if (ids.length === 0) return;
      try {
        const records = await queue.getAll(ids);
        ids.forEach((id, i) => this.#found(id, records[i]));
        return;
      } catch (error) {
        log.warn("records cannot be read, trying again", { error: String(error) });
        await clock.sleep(RECHECK_PAUSE_MS, signal);
      }
    }
  }

  #found(id: JobId, record: JobRecord | undefined): void {
    if (record !== undefined && !isFinal(record.state)) return;
    for (const waiter of this.#waiting.get(id) ?? []) {
      this.fallbacks++;
      waiter.end(record === undefined ? { kind: "gone" } : { kind: "final", record });
    }
  }
}

/** One wait. Disposing of it ends it. */
export class Waiter implements Disposable {
  readonly id: JobId;
  /** Set once the job is known to Redis: only then does a missing record mean anything. */
  submitted = false;
  readonly #clock: Clock;
  readonly #table: {
    readonly leave: () => void;
    readonly readRecord: () => Promise<JobRecord | undefined>;
  };
  readonly #ended = Promise.withResolvers<Waited | "timeout">();

  constructor(
    id: JobId,
    clock: Clock,
    table: { leave: () => void; readRecord: () => Promise<JobRecord | undefined> },
  ) {
    this.id = id;
    this.#clock = clock;
    this.#table = table;
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
