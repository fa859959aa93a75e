/**
 * Keeps what this gateway sees for the next hour, in Redis, for whoever looks later.
 *
 * Owns the tally of the slot that is under way. Invariant: while nothing happens, it asks Redis
 * nothing: a slot is kept where jobs came, ended, or were there at the end of the one before.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import type { History } from "../../shared/history.ts";
import type { JobRecord } from "../../shared/job.ts";
import type { Log } from "../../shared/log.ts";
import type { Overviews } from "../../shared/overview.ts";
import { type Sample, SLOT_MS, slotOf, stateOf } from "./sample.ts";
import { Tally } from "./tally.ts";

export interface RecorderParts {
  readonly overviews: Overviews;
  readonly history: Pick<History, "append">;
  /** This gateway's name. */
  readonly gateway: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class Recorder {
  readonly #parts: RecorderParts;
  #tally = new Tally();
  /** Whether there were jobs when the last slot was kept: then how they fare is of interest. */
  #jobsLeft = false;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** What happened in the slot that is under way. */
  get underWay(): Tally {
    return this.#tally;
  }

  /** Notes that a job was taken in. */
  submitted(): void {
    this.#tally.submitted++;
  }

  /** Notes the outcome of a job that this gateway took in. */
  ended(record: JobRecord): void {
    this.#tally.end(record);
  }

  /** Keeps each slot as it ends, until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    while (true) {
      const at = slotOf(clock.wall());
      await clock.sleep(at + SLOT_MS - clock.wall(), signal);
      if (signal.aborted) return;
      try {
        await this.keep(at);
      } catch (error) {
        log.debug("ten seconds are missing in the history", { error: String(error) });
      }
    }
  }

  /** Keeps what happened as what happened in a slot, where anything did. */
  async keep(at: number): Promise<void> {
    const { overviews, history, gateway } = this.#parts;
    const tally = this.#tally;
    if (tally.isEmpty && !this.#jobsLeft) return;
    this.#tally = new Tally();
    const state = stateOf(await overviews.read());
    const sample: Sample = { at, gateway, ...tally.toSample(), ...(state && { state }) };
    await history.append(JSON.stringify(sample));
    this.#jobsLeft = state === undefined || state.jobs > 0;
  }
}
