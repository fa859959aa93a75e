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

interface Held {
  readonly delivery: Delivery;
  begun: boolean;
  readonly done: PromiseWithResolvers<void>;
}

export class Hands {
  readonly #held = new Map<string, Held>();

  /** Takes a delivery in that was read or claimed. */
  add(delivery: Delivery): void {
    const done = Promise.withResolvers<void>();
    this.#held.set(keyOf(delivery), { delivery, begun: false, done });
  }

  /** Notes that a delivery has been begun. */
  begin(delivery: Delivery): void {
    const held = this.#held.get(keyOf(delivery));
    if (held !== undefined) held.begun = true;
  }

  /** Lets a delivery go. */
  release(delivery: Delivery): void {
    this.#held.get(keyOf(delivery))?.done.resolve();
    this.#held.delete(keyOf(delivery));
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
