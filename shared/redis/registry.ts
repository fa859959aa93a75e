/**
 * Who serves what: workers announce their cards, gateways read them.
 *
 * A worker lives as long as its beat does. Model cards outlive the workers: a known model without
 * workers takes jobs, an unknown one does not.
 *
 * @module
 */
import { z } from "zod";
import {
  BrokerUnavailable,
  type Directory,
  type WorkerCard,
  type WorkerRegistry,
} from "../broker.ts";
import { type ModelCard, ModelCardSchema } from "../model_card.ts";
import type { ShardKeys } from "./keys.ts";
import type { Shard } from "./shard.ts";

/** A worker's entry in the hash of workers: the models it serves, by name. */
const Served = z.array(z.string());

export interface RedisRegistryParts {
  readonly shard: Shard;
  /** Name of this worker. */
  readonly worker: string;
  /** How long a beat keeps the worker known as alive. */
  readonly lifetimeMs: number;
}

export class RedisWorkerRegistry implements WorkerRegistry {
  readonly #parts: RedisRegistryParts;
  readonly #keys: ShardKeys;
  #announced: WorkerCard | undefined;

  constructor(parts: RedisRegistryParts) {
    // Redis takes whole milliseconds alone.
    this.#parts = { ...parts, lifetimeMs: Math.ceil(parts.lifetimeMs) };
    this.#keys = parts.shard.keys;
  }

  async announce(card: WorkerCard): Promise<void> {
    const { shard, worker, lifetimeMs } = this.#parts;
    this.#announced = card;
    const cards = card.models.flatMap((model) => [model.name, JSON.stringify(model)]);
    await shard.run((client) =>
      client.multi()
        .hset(this.#keys.models(), ...cards)
        .hset(this.#keys.workers(), worker, JSON.stringify(card.models.map(({ name }) => name)))
        .set(this.#keys.beat(worker), card.engine, "PX", lifetimeMs)
        .exec()
    );
  }

  /** Beats; where Redis has forgotten this worker, or lost its data, announces it again. */
  async beat(): Promise<void> {
    const { shard, worker, lifetimeMs } = this.#parts;
    const beat = this.#keys.beat(worker);
    // Not SET, which a Redis whose memory is used up refuses.
    const known = await shard.run((client) => client.pexpire(beat, lifetimeMs));
    if (known === 0 && this.#announced !== undefined) await this.announce(this.#announced);
  }

  async leave(): Promise<void> {
    const { shard, worker } = this.#parts;
    await shard.run((client) =>
      client.multi()
        .hdel(this.#keys.workers(), worker)
        .del(this.#keys.beat(worker))
        .exec()
    );
  }
}

/** Every shard knows every worker, so any of them can be asked. */
export class RedisDirectory implements Directory {
  readonly #shards: readonly Shard[];

  constructor(shards: readonly Shard[]) {
    this.#shards = shards;
  }

  async models(): Promise<{ card: ModelCard; workers: number }[]> {
    let failure: unknown;
    for (const shard of this.#shards) {
      try {
        return await modelsOf(shard);
      } catch (error) {
        if (!(error instanceof BrokerUnavailable)) throw error;
        failure = error;
      }
    }
    throw failure;
  }
}

async function modelsOf(shard: Shard): Promise<{ card: ModelCard; workers: number }[]> {
  const { keys } = shard;
  const [cards, workers] = await shard.run((client) =>
    Promise.all([client.hgetall(keys.models()), client.hgetall(keys.workers())])
  );
  const names = Object.keys(workers);
  const beats = names.length === 0
    ? []
    : await shard.run((client) => client.mget(names.map((name) => keys.beat(name))));
  const served = names
    .filter((_, i) => beats[i] !== null)
    .flatMap((name) => Served.parse(JSON.parse(workers[name]!)));
  return Object.values(cards).map((text) => {
    const card = ModelCardSchema.parse(JSON.parse(text));
    return { card, workers: served.filter((name) => name === card.name).length };
  });
}
