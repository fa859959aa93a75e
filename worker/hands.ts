/**
 * The deliveries in this worker's hands: begun, and not settled yet.
 *
 * Owns the list that heartbeats speak for. Invariant: what is in it will be settled, put off or
 * given up by this process.
 *
 * @module
 */
import type { Delivery } from "../shared/broker.ts";

export class Hands {
  readonly #held = new Map<string, { delivery: Delivery; done: PromiseWithResolvers<void> }>();

  /** Takes a delivery in. */
  add(delivery: Delivery): void {
    this.#held.set(keyOf(delivery), { delivery, done: Promise.withResolvers() });
  }

  /** Lets a delivery go. */
  release(delivery: Delivery): void {
    this.#held.get(keyOf(delivery))?.done.resolve();
    this.#held.delete(keyOf(delivery));
  }

  has(delivery: Delivery): boolean {
    return this.#held.has(keyOf(delivery));
  }

  /** Waits until a delivery is no longer held. */
  async released(delivery: Delivery): Promise<void> {
    await this.#held.get(keyOf(delivery))?.done.promise;
  }

  /** Everything held now. */
  all(): Delivery[] {
    return [...this.#held.values()].map(({ delivery }) => delivery);
  }
}

function keyOf({ model, lane, entry }: Delivery): string {
  return `${model} ${lane} ${entry}`;
}
