/**
 * How long a server may send nothing.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";

/** A server that sends nothing for so long has gone. */
const SILENCE_MAX_MS = 30_000;

export interface SilenceParts {
  readonly clock: Pick<Clock, "after">;
  readonly signal: AbortSignal;
}

/** Aborts when the server is silent for too long, or as the command does. */
export class Silence implements Disposable {
  readonly signal: AbortSignal;
  readonly #clock: SilenceParts["clock"];
  readonly #controller = new AbortController();
  #cancel = () => {};

  constructor({ clock, signal }: SilenceParts) {
    this.#clock = clock;
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
    this.interrupt();
  }

  interrupt(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(SILENCE_MAX_MS, () => {
      this.#controller.abort(new Error(`the server was silent for ${SILENCE_MAX_MS / 1000} s`));
    });
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }
}
