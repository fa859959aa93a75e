/**
 * When a process is to stop: softly at the first signal, at once at the second.
 *
 * Owns what a signal means. Never listens for one: that is the composition root's.
 * Invariant: `giveUp` aborts after `drain`, and that after `leave`, never without it.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** The moments of stopping, in their order. */
export interface Stop {
  /** Aborts at the first signal: whoever sends work is to send it elsewhere. */
  readonly leave: AbortSignal;
  /** Aborts with it, or some time later: no new work. */
  readonly drain: AbortSignal;
  /** Aborts when draining took too long, or at the second signal. */
  readonly giveUp: AbortSignal;
}

export interface StopSwitchParts {
  /** Time from `leave` to `drain`, none unless given: who fetches its work needs none. */
  readonly delayMs?: number;
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
  readonly #leave = new AbortController();
  readonly #drain = new AbortController();
  readonly #giveUp = new AbortController();
  #first = -Infinity;

  constructor(parts: StopSwitchParts) {
    this.#parts = parts;
  }

  get leave(): AbortSignal {
    return this.#leave.signal;
  }

  get drain(): AbortSignal {
    return this.#drain.signal;
  }

  get giveUp(): AbortSignal {
    return this.#giveUp.signal;
  }

  /** Takes a signal. */
  signal(): void {
    const { clock, delayMs = 0, atOnce } = this.#parts;
    if (clock.now() - this.#first < ONE_SIGNAL_MS) return;
    if (this.leave.aborted) {
      this.#drain.abort();
      this.#giveUp.abort();
      return atOnce?.();
    }
    this.#first = clock.now();
    this.#leave.abort();
    if (delayMs > 0) clock.after(delayMs, () => this.#startDraining());
    else this.#startDraining();
  }

  /** Takes the end of whoever started the process: a signal, unless one came before. */
  orphaned(): void {
    if (!this.leave.aborted) this.signal();
  }

  #startDraining(): void {
    const { clock, drainMs } = this.#parts;
    this.#drain.abort();
    clock.after(drainMs, () => this.#giveUp.abort());
  }
}
