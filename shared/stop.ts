/**
 * When a process is to stop: softly at the first signal, at once at the second.
 *
 * Owns what a signal means. Never listens for one: that is the composition root's.
 * Invariant: `giveUp` aborts after `drain`, never without it.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** The two moments of stopping. */
export interface Stop {
  /** Aborts at the first signal: no new work. */
  readonly drain: AbortSignal;
  /** Aborts when draining took too long, or at the second signal. */
  readonly giveUp: AbortSignal;
}

export interface StopSwitchParts {
  /** Time for draining. */
  readonly drainMs: number;
  readonly clock: Clock;
  /** Called at the second signal. */
  readonly atOnce?: () => void;
}

/** Signals that come this close together are one: a terminal's and a parent's for the same key. */
const ONE_SIGNAL_MS = 200;

export class StopSwitch implements Stop {
  readonly #parts: StopSwitchParts;
  readonly #drain = new AbortController();
  readonly #giveUp = new AbortController();
  #first = -Infinity;

  constructor(parts: StopSwitchParts) {
    this.#parts = parts;
  }

  get drain(): AbortSignal {
    return this.#drain.signal;
  }

  get giveUp(): AbortSignal {
    return this.#giveUp.signal;
  }

  /** Takes a signal. */
  signal(): void {
    const { clock, drainMs, atOnce } = this.#parts;
    if (clock.now() - this.#first < ONE_SIGNAL_MS) return;
    if (this.drain.aborted) {
      this.#giveUp.abort();
      return atOnce?.();
    }
    this.#first = clock.now();
    this.#drain.abort();
    clock.after(drainMs, () => this.#giveUp.abort());
  }

  /** Takes the end of whoever started the process: a signal, unless one came before. */
  orphaned(): void {
    if (!this.drain.aborted) this.signal();
  }
}
