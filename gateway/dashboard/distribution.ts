/**
 * How long something took, of many: counts in classes that widen with the time, so that those of
 * several gateways can be added, and any of them is small.
 *
 * @module
 */
import { z } from "zod";

/** The upper end of a class, in the lower one's: a quantile is off by half of that. */
const STEP = 1.2;

/** Anything quicker is in the first class. */
const SHORTEST_MS = 0.1;

/** As it is kept: the sum, then each class that has any, with its count. */
export const DistributionSchema = z.object({
  sum: z.number(),
  classes: z.array(z.tuple([z.int().nonnegative(), z.int().positive()])),
});

export type DistributionRecord = z.output<typeof DistributionSchema>;

export class Distribution {
  readonly #counts = new Map<number, number>();
  #count = 0;
  #sum = 0;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    const place = Math.round(Math.log(ms / SHORTEST_MS) / Math.log(STEP));
    this.#sum += ms;
    this.#note(Math.max(0, place), 1);
  }

  /** Adds what another one counted. */
  merge({ sum, classes }: DistributionRecord): void {
    this.#sum += sum;
    for (const [place, count] of classes) this.#note(place, count);
  }

  #note(place: number, count: number): void {
    this.#counts.set(place, (this.#counts.get(place) ?? 0) + count);
    this.#count += count;
  }

  /** Milliseconds; null of nothing. */
  get mean(): number | null {
    return this.#count === 0 ? null : this.#sum / this.#count;
  }

  /** The time within which a share of all was done, from 0 to 1; null of nothing. */
  quantile(share: number): number | null {
    let left = share * this.#count;
    let last: number | null = null;
    for (const [place, count] of [...this.#counts].sort(([a], [b]) => a - b)) {
      last = SHORTEST_MS * STEP ** place;
      left -= count;
      if (left <= 0) break;
    }
    return last;
  }

  toJSON(): DistributionRecord {
    return { sum: Math.round(this.#sum * 100) / 100, classes: [...this.#counts] };
  }
}
