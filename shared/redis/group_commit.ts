/**
 * Calls that come while one is under way, made together as the next one (group commit).
 *
 * Owns those that wait. A call that comes alone is made at once; the more come, the fewer commands
 * each of them costs. Where a group fails, what waits behind it fails with it: it would have to
 * wait as long again, for the same server.
 * Invariant: one group at a time, in the order in which its members came, and none beyond the
 * bounds.
 *
 * @module
 */
import { BrokerUnavailable } from "../broker.ts";
import { unavailable } from "./connection.ts";

export interface GroupCommitParts<Item, Result> {
  /** Does what all of them ask; results in their order. */
  readonly commit: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly bytesOf: (item: Item) => number;
  readonly itemsMax: number;
  /** A group of one may be larger. */
  readonly bytesMax: number;
}

interface Member<Item, Result> extends PromiseWithResolvers<Result> {
  readonly item: Item;
  readonly bytes: number;
}

export class GroupCommit<Item, Result> {
  readonly #parts: GroupCommitParts<Item, Result>;
  #waiting: Member<Item, Result>[] = [];
  #underWay = false;

  constructor(parts: GroupCommitParts<Item, Result>) {
    this.#parts = parts;
  }

  /** @throws {BrokerUnavailable} `untouched` where it was never sent */
  add(item: Item): Promise<Result> {
    const member = { item, bytes: this.#parts.bytesOf(item), ...Promise.withResolvers<Result>() };
    this.#waiting.push(member);
    if (!this.#underWay) void this.#commitAll();
    return member.promise;
  }

  async #commitAll(): Promise<void> {
    this.#underWay = true;
    while (this.#waiting.length > 0) await this.#commitNext();
    this.#underWay = false;
  }

  async #commitNext(): Promise<void> {
    const group = this.#waiting.splice(0, this.#nextSize());
    try {
      const results = await this.#parts.commit(group.map(({ item }) => item));
      group.forEach(({ resolve }, i) => resolve(results[i]!));
    } catch (error) {
      for (const { reject } of group) reject(error);
      const { reason, message } = unavailable(error);
      for (const { reject } of this.#waiting.splice(0)) {
        reject(new BrokerUnavailable(reason, message, { cause: error, untouched: true }));
      }
    }
  }

  /** How many of those that wait go next. */
  #nextSize(): number {
    const { itemsMax, bytesMax } = this.#parts;
    let bytes = 0;
    const beyond = this.#waiting.findIndex((member, i) => {
      bytes += member.bytes;
      return i === itemsMax || (i > 0 && bytes > bytesMax);
    });
    return beyond === -1 ? this.#waiting.length : beyond;
  }
}
