/**
 * Fair shares of lanes, counted in images: whose turn it is, and how much each has had.
 *
 * A lane that had nothing for a while is where the others are, not behind: it has saved up nothing.
 * (Start-time fair queueing: P. Goyal, H. M. Vin, H. Cheng, SIGCOMM 1996.)
 * Invariant: of lanes that all have work, none has had more than another by more than what is given
 * at once.
 *
 * @module
 */
import type { Lane } from "../shared/broker.ts";

export class Shares {
  /** Images that each lane has had. */
  readonly #had = new Map<string, number>();
  /** Where a lane is that had nothing for a while. */
  #now = 0;

  /** Says which lanes have work: nobody else is behind them. None: nobody is behind anybody. */
  advance(busy: readonly Lane[]): void {
    this.#now = busy.length > 0
      ? Math.min(...busy.map((lane) => this.#of(lane)))
      : Math.max(this.#now, ...this.#had.values());
  }

  /** Those of some lanes that have had least, and how much less it is than the next have had. */
  least<T extends Lane>(lanes: readonly T[]): { readonly lanes: readonly T[]; gap: number } {
    const had = lanes.map((lane) => this.#of(lane));
    const least = Math.min(...had);
    const more = had.filter((images) => images > least);
    return { lanes: lanes.filter((_, i) => had[i] === least), gap: Math.min(...more) - least };
  }

  /** Counts images that a lane is given. */
  give(lane: Lane, images: number): void {
    this.#had.set(laneKey(lane), this.#of(lane) + images);
  }

  #of(lane: Lane): number {
    return Math.max(this.#had.get(laneKey(lane)) ?? 0, this.#now);
  }
}

/** A lane's name among all of a worker's. */
export function laneKey({ model, lane }: Lane): string {
  return `${model} ${lane}`;
}
