/**
 * Maintenance of a shard: one elected worker does for all what nobody does per job.
 *
 * Owns the decision whether a period has something to do: an idle system is only looked at. Never
 * touches what is pending or undelivered. Invariant: without the lease it does nothing.
 *
 * @module
 */
import type { Maintenance } from "../shared/maintenance.ts";
import type { Clock } from "../shared/clock.ts";
import type { Log } from "../shared/log.ts";

export interface JanitorParts {
  readonly maintenance: Maintenance;
  readonly shard: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class Janitor {
  readonly #parts: JanitorParts;
  /** Whether the lease is ours, as far as is known. */
  elected = false;
  /** Periods so far that had something to do. */
  runs = 0;
  /** When a run has something to do, whatever a look says. */
  #dueAt = -Infinity;

  constructor(parts: JanitorParts) {
    this.#parts = parts;
  }

  /** Takes or renews the lease, and while it is ours, works where there is something to do. */
  async runOnce(): Promise<void> {
    const { maintenance, shard, clock, log } = this.#parts;
    const elected = await maintenance.elect();
    if (elected !== this.elected) {
      log.info(elected ? "elected as maintainer" : "no longer the maintainer", { shard });
      this.#dueAt = -Infinity;
    }
    this.elected = elected;
    if (!elected) return;
    const now = clock.now();
    if (now < this.#dueAt && !await maintenance.look()) return;
    // Until it is done.
    this.#dueAt = -Infinity;
    const { report, dueMs } = await maintenance.run();
    this.runs++;
    this.#dueAt = now + dueMs;
    if (Object.values(report).some((count) => count > 0)) {
      log.info("maintenance done", { ...report, shard });
    }
  }

  /** Gives the lease back, so that the next does not have to wait for its end. */
  async resign(): Promise<void> {
    if (this.elected) await this.#parts.maintenance.resign();
    this.elected = false;
  }
}
