/**
 * The deliveries in this worker's hands: read or claimed, and not done with yet.
 *
 * Owns the list that heartbeats speak for. Invariant: what is in it will be settled, put off or
 * handed back by this process.
 *
 * @module
 */
import type { Delivery } from "../shared/broker.ts";
import { orAborted } from "../shared/or_aborted.ts";
import type { AttemptEnd, Stages } from "./stages.ts";

interface Held {
  readonly delivery: Delivery;
  begun: boolean;
  stages?: Stages;
  readonly done: PromiseWithResolvers<void>;
}

export class Hands {
  readonly #held = new Map<string, Held>();

  /** Takes a delivery in that was read or claimed. */
  add(delivery: Delivery): void {
    const done = Promise.withResolvers<void>();
    this.#held.set(keyOf(delivery), { delivery, begun: false, done });
  }

  /** Notes that a delivery has been begun, and the stages of its attempt where it is one. */
  begin(delivery: Delivery, stages?: Stages): void {
    const held = this.#held.get(keyOf(delivery));
    if (held === undefined) return;
    held.begun = true;
    if (stages !== undefined) held.stages = stages;
  }

  /** The stages of an attempt; undefined where a delivery is none, or is not held. */
  stagesOf(delivery: Delivery): Stages | undefined {
    return this.#held.get(keyOf(delivery))?.stages;
  }

  /**
   * Lets a delivery go.
   *
   * @param end how its attempt ended, where there was one
   */
  release(delivery: Delivery, end: AttemptEnd = "handed_back"): void {
    const held = this.#held.get(keyOf(delivery));
    held?.stages?.end(end);
    held?.done.resolve();
    this.#held.delete(keyOf(delivery));
  }

  /** How many are held now. */
  get size(): number {
    return this.#held.size;
  }

  has(delivery: Delivery): boolean {
    return this.#held.has(keyOf(delivery));
  }

  /** Waits until a delivery is no longer held, or the signal aborts. */
  async released(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const held = this.#held.get(keyOf(delivery));
    if (held !== undefined) await orAborted(held.done.promise, signal);
  }

  /** Everything held now. */
  all(): Delivery[] {
    return [...this.#held.values()].map(({ delivery }) => delivery);
  }

  /** What is held now and was only read. */
  unbegun(): Delivery[] {
    return [...this.#held.values()].filter(({ begun }) => !begun).map(({ delivery }) => delivery);
  }
}

function keyOf({ shard, model, lane, entry }: Delivery): string {
  return `${shard} ${model} ${lane} ${entry}`;
}
