/**
 * How far a run is: submissions begun and ended, and how far they may run ahead of the faults.
 *
 * Without the bound, the jobs would be done long before the last fault, which would then meet none.
 *
 * @module
 */
export class Pace {
  /** Submissions that have ended, well or not. */
  ended = 0;
  readonly #jobs: number;
  #begun = 0;
  #limit = 0;
  #changed = Promise.withResolvers<void>();

  /** @param jobs number of submissions of the run */
  constructor(jobs: number) {
    this.#jobs = jobs;
  }

  /** Lets so many submissions begin, all in all. */
  allow(limit: number): void {
    this.#limit = Math.max(this.#limit, limit);
    this.#announce();
  }

  /** Waits for the next submission's turn; undefined once all have begun. */
  async next(): Promise<number | undefined> {
    while (this.#begun < this.#jobs && this.#begun >= this.#limit) await this.#changed.promise;
    if (this.#begun >= this.#jobs) return undefined;
    const number = this.#begun++;
    this.#announce();
    return number;
  }

  /** Counts a submission that has ended. */
  end(): void {
    this.ended++;
    this.#announce();
  }

  /** Waits until so many submissions have ended. */
  async untilEnded(count: number): Promise<void> {
    while (this.ended < count) await this.#changed.promise;
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
