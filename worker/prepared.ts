/**
 * A begun job on its way through the worker: its images decoded, then answered one by one.
 *
 * Owns the job's partial results. Invariant: it is finished exactly once, by its last image or by
 * its first fault.
 *
 * @module
 */
import type { Delivery, Finished, Outcome } from "../shared/broker.ts";
import type { ImageAnswer } from "../shared/job.ts";

/** A delivery that this worker has begun. */
export interface Begun {
  readonly delivery: Delivery;
  readonly attempt: number;
  readonly tell: string;
}

export class PreparedJob {
  readonly delivery: Delivery;
  /** Which attempt this is, from 1. A later one runs alone. */
  readonly attempt: number;
  readonly tell: string;
  readonly decodeMs: number;
  /** Decoded pixels of each image; the model's shape, RGB, eight bits a sample. */
  readonly pixels: readonly Uint8Array[];
  readonly #answers: ImageAnswer[] = [];
  #inferMs = 0;

  constructor({ delivery, attempt, tell }: Begun, pixels: readonly Uint8Array[], decodeMs: number) {
    this.delivery = delivery;
    this.attempt = attempt;
    this.tell = tell;
    this.pixels = pixels;
    this.decodeMs = decodeMs;
  }

  /** Takes the answer for the next image, in order; true once the last has come. */
  answer(answer: ImageAnswer, inferMs: number): boolean {
    this.#answers.push(answer);
    this.#inferMs += inferMs;
    return this.#answers.length === this.pixels.length;
  }

  /** The job as a success. */
  succeeded(): Finished {
    const timings = { decodeMs: round(this.decodeMs), inferMs: round(this.#inferMs) };
    return this.#finished({ state: "succeeded", results: this.#answers, timings });
  }

  /** The job as one that cannot be done, however often it is tried. */
  dead(detail: string): Finished {
    const error = { code: "job_failed", detail } as const;
    return this.#finished({ state: "dead", error, attempts: this.attempt });
  }

  #finished(outcome: Outcome): Finished {
    return { delivery: this.delivery, tell: this.tell, outcome };
  }
}

/** Milliseconds with a precision that means something. */
export function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
