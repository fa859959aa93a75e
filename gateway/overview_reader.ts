/**
 * The overview, for as many as want to look at it.
 *
 * Owns the one that was read last. Reads on demand alone: where nobody looks, Redis is asked
 * nothing.
 * Invariant: at most one look at Redis in a second, whoever asks and how often.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import type { Overview, Overviews } from "../shared/overview.ts";

/** Age up to which an overview is good enough. */
export const OVERVIEW_FRESH_MS = 1000;

export interface OverviewReaderParts {
  readonly overviews: Overviews;
  readonly clock: Pick<Clock, "now">;
}

export class OverviewReader implements Overviews {
  readonly #parts: OverviewReaderParts;
  #last: Promise<Overview> | undefined;
  /** When the last one was asked for. */
  #askedAt = -Infinity;
  #reading = false;

  constructor(parts: OverviewReaderParts) {
    this.#parts = parts;
  }

  /** The one that is being read, or was a moment ago; else a new one. */
  read(): Promise<Overview> {
    const { overviews, clock } = this.#parts;
    const now = clock.now();
    if (this.#last !== undefined && (this.#reading || now - this.#askedAt < OVERVIEW_FRESH_MS)) {
      return this.#last;
    }
    this.#askedAt = now;
    this.#reading = true;
    this.#last = overviews.read().finally(() => this.#reading = false);
    return this.#last;
  }
}
