/**
 * A begun job on its way through the worker: its images decoded, then answered one by one.
 *
 * Owns the answers of this attempt, which goes on where an earlier one ended. Invariant: it is
 * finished exactly once, by its last image or by its first fault.
 *
 * @module
 */
import type { Delivery, Finished, Outcome, Progress } from "../shared/broker.ts";
import type { ImageAnswer } from "../shared/job.ts";
import type { Pixels } from "./images/decode.ts";
import type { Served } from "./served_model.ts";
import type { Stages } from "./stages.ts";

/** A delivery that this worker has begun. */
export interface Begun {
  readonly delivery: Delivery;
  /** The version that does it. */
  readonly model: Served;
  readonly attempt: number;
  readonly tell: string;
  /** How many images an earlier attempt has answered for good. */
  readonly done: number;
  readonly stages: Stages;
}

export class PreparedJob {
  readonly delivery: Delivery;
  readonly model: Served;
  /** Which attempt this is, from 1. A later one runs alone. */
  readonly attempt: number;
  readonly tell: string;
  readonly stages: Stages;
  /** Of each image left. */
  readonly pixels: readonly Pixels[];
  /** Index of the first image left. */
  readonly #first: number;
  readonly #answers: ImageAnswer[] = [];
  /** How many of the answers have been reported. */
  #reported = 0;

  constructor(
    { delivery, model, attempt, tell, done, stages }: Begun,
    pixels: readonly Pixels[],
  ) {
    this.delivery = delivery;
    this.model = model;
    this.attempt = attempt;
    this.tell = tell;
    this.#first = done;
    this.pixels = pixels;
    this.stages = stages;
  }

  /** Takes the answer for the next image, in order; true once the last has come. */
  answer(answer: ImageAnswer): boolean {
    this.#answers.push(answer);
    return this.#answers.length === this.pixels.length;
  }

  /** The answers that nobody has been told of. */
  get progress(): Progress {
    const { delivery, tell } = this;
    const answers = this.#answers.slice(this.#reported);
    return { delivery, tell, from: this.#first + this.#reported, answers };
  }

  /** Notes that all answers so far have been reported. */
  reported(): void {
    this.#reported = this.#answers.length;
  }

  /** The job as a success. */
  succeeded(): Finished {
    const { card: { version } } = this.model;
    const { timings } = this.stages;
    return this.#finished({ state: "succeeded", results: this.#answers, version, timings });
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
