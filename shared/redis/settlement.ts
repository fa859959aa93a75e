/**
 * How a worker ends its attempts: one atomic script a job, a batch of them in one round trip.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Delivery, Finished, Outcome, Settled } from "../broker.ts";
import { gatewaysOf } from "./job_queue.ts";
import { GROUP, type ShardKeys } from "./keys.ts";
import { type Call, runScript, runScripts, Script } from "./script.ts";
import { BURY, SETTLE } from "./scripts/worker.ts";
import type { Shard } from "./shard.ts";

const settleScript = new Script(SETTLE);
const buryScript = new Script(BURY);

/** Image bytes that a model's dead letters may hold. */
export const DEAD_BYTES_MAX = 67_108_864;

export interface SettlementParts {
  readonly shard: Shard;
  readonly consumer: string;
  readonly deadBytesMax: number;
}

export class Settlement {
  readonly #shard: Shard;
  readonly #keys: ShardKeys;
  readonly #consumer: string;
  readonly #deadBytesMax: number;

  constructor({ shard, consumer, deadBytesMax }: SettlementParts) {
    this.#shard = shard;
    this.#keys = shard.keys;
    this.#consumer = consumer;
    this.#deadBytesMax = deadBytesMax;
  }

  async settle(done: readonly Finished[]): Promise<Settled[]> {
    const plain = done.filter(({ outcome }) => outcome.state !== "dead");
    const replies = new Map<Finished, unknown>();
    const settled = await runScripts(
      this.#shard,
      settleScript,
      plain.map((finished) => this.#settleCall(finished)),
    );
    plain.forEach((finished, i) => replies.set(finished, settled[i]));
    for (const finished of done) {
      if (finished.outcome.state !== "dead") continue;
      const { keys, args } = this.#buryCall(finished, finished.outcome);
      replies.set(finished, await runScript(this.#shard, buryScript, keys, args));
    }
    return await Promise.all(
      done.map((finished) => this.#settled(finished, replies.get(finished))),
    );
  }

  async #settled(finished: Finished, reply: unknown): Promise<Settled> {
    const [kind, more] = reply as [string, string | undefined];
    if (kind === "late") return "late";
    if (kind !== "retell") return kind as Settled;
    // A gateway joined since `begin`: once more, with its stream among the keys.
    const [settled] = await this.settle([{ ...finished, tell: more ?? "" }]);
    return settled!;
  }

  #settleCall({ delivery, tell, outcome }: Finished): Call {
    const { id, entry, bytes } = delivery;
    return {
      keys: [...this.#jobKeys(delivery), ...this.#resultKeys(tell)],
      args: [
        GROUP,
        this.#consumer,
        entry,
        bytes,
        id,
        tell,
        ...outcomeFields(outcome, delivery),
      ],
    };
  }

  #buryCall({ delivery, tell }: Finished, { error, attempts }: Outcome & { state: "dead" }): Call {
    const { id, model, entry, bytes, top, images } = delivery;
    return {
      keys: [
        ...this.#jobKeys(delivery),
        this.#keys.dead(model),
        this.#keys.deadBytes(model),
        this.#keys.deadIndex(),
        ...this.#resultKeys(tell),
      ],
      args: [
        GROUP,
        this.#consumer,
        entry,
        bytes,
        id,
        tell,
        JSON.stringify(error),
        this.#deadBytesMax,
        model,
        ...["reason", error.detail, "attempts", attempts],
        ...(top === undefined ? [] : ["top", top]),
        ...images.flatMap((image) => ["image", Buffer.from(image)]),
      ],
    };
  }

  #jobKeys({ id, model, lane }: Delivery): string[] {
    return [
      this.#keys.jobs(model, lane),
      this.#keys.load(model),
      this.#keys.job(id),
      this.#keys.deadlines(),
    ];
  }

  #resultKeys(tell: string): string[] {
    return gatewaysOf(tell).map((gateway) => this.#keys.results(gateway));
  }
}

/** The outcome's state, then names and values for the record. */
function outcomeFields(outcome: Outcome, delivery: Delivery): (string | number)[] {
  const fields: (string | number)[] = [outcome.state];
  if (outcome.state === "dead") throw new TypeError("a dead letter is buried, not settled");
  if (outcome.state === "succeeded") {
    fields.push("results", JSON.stringify(outcome.results), "done", delivery.images.length);
  } else if (outcome.state === "failed") {
    fields.push("error", JSON.stringify(outcome.error));
  }
  const { decodeMs, inferMs } = outcome.timings;
  if (decodeMs !== undefined) fields.push("decodeMs", decodeMs);
  if (inferMs !== undefined) fields.push("inferMs", inferMs);
  return fields;
}
