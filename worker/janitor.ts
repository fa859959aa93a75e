/**
 * Maintenance of a shard: one elected worker does for all what nobody does per job.
 *
 * Owns the period and the lease's renewal. Never touches what is pending or undelivered.
 * Invariant: without the lease it does nothing.
 *
 * @module
 */
import type { Maintenance } from "../shared/broker.ts";
import type { Log } from "../shared/log.ts";

export class Janitor {
  readonly #maintenance: Maintenance;
  readonly #shard: number;
  readonly #log: Log;
  #elected = false;

  constructor(maintenance: Maintenance, shard: number, log: Log) {
    this.#maintenance = maintenance;
    this.#shard = shard;
    this.#log = log;
  }

  /** Takes or renews the lease, and works while it is ours. */
  async runOnce(): Promise<void> {
    const elected = await this.#maintenance.elect();
    if (elected !== this.#elected) {
      this.#log.info(elected ? "elected as maintainer" : "no longer the maintainer", {
        shard: this.#shard,
      });
    }
    this.#elected = elected;
    if (!elected) return;
    const report = await this.#maintenance.run();
    if (Object.values(report).some((count) => count > 0)) {
      this.#log.info("maintenance done", { ...report, shard: this.#shard });
    }
  }

  /** Gives the lease back, so that the next does not have to wait for its end. */
  async resign(): Promise<void> {
    if (this.#elected) await this.#maintenance.resign();
    this.#elected = false;
  }
}
