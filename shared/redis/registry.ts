/**
 * Who serves what: workers announce their cards, gateways read them.
 *
 * A worker lives as long as its beat does. Model cards outlive the workers: a known model without
 * workers takes jobs, an unknown one does not.
 *
 * @module
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Directory, WorkerCard, WorkerRegistry } from "../broker.ts";
import { type ModelCard, ModelCardSchema } from "../model_card.ts";
import { guarded } from "./connection.ts";
import { ShardKeys } from "./keys.ts";

/** A worker's entry in the hash of workers: the models it serves, by name. */
const Served = z.array(z.string());

export interface RedisRegistryParts {
  readonly client: Redis;
  readonly shard: number;
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
    this.#keys = new ShardKeys(parts.shard);
  }

  async announce(card: WorkerCard): Promise<void> {
    const { client, worker, lifetimeMs } = this.#parts;
    this.#announced = card;
    const cards = card.models.flatMap((model) => [model.name, JSON.stringify(model)]);
    await guarded(client, () =>
      client.multi()
        .hset(this.#keys.models(), ...cards)
        .hset(this.#keys.workers(), worker, JSON.stringify(card.models.map(({ name }) => name)))
        .set(this.#keys.beat(worker), card.engine, "PX", lifetimeMs)
        .exec());
  }

  /** Beats; where Redis has forgotten this worker, or lost its data, announces it again. */
  async beat(): Promise<void> {
    const { client, worker, lifetimeMs } = this.#parts;
    const beat = this.#keys.beat(worker);
    const known = await guarded(client, () => client.set(beat, "1", "PX", lifetimeMs, "XX"));
    if (known === null && this.#announced !== undefined) await this.announce(this.#announced);
  }

  async leave(): Promise<void> {
    const { client, worker } = this.#parts;
    await guarded(client, () =>
      client.multi()
        .hdel(this.#keys.workers(), worker)
        .del(this.#keys.beat(worker))
        .exec());
  }
}

export class RedisDirectory implements Directory {
  readonly #client: Redis;
  readonly #keys: ShardKeys;

  constructor(client: Redis, shard: number) {
    this.#client = client;
    this.#keys = new ShardKeys(shard);
  }

  async models(): Promise<{ card: ModelCard; workers: number }[]> {
    const [cards, workers] = await guarded(
      this.#client,
      () =>
        Promise.all([
          this.#client.hgetall(this.#keys.models()),
          this.#client.hgetall(this.#keys.workers()),
        ]),
    );
    const names = Object.keys(workers);
    const beats = names.length === 0
      ? []
      : await guarded(this.#client, () => this.#client.mget(names.map((n) => this.#keys.beat(n))));
    const served = names
      .filter((_, i) => beats[i] !== null)
      .flatMap((name) => Served.parse(JSON.parse(workers[name]!)));
    return Object.values(cards).map((text) => {
      const card = ModelCardSchema.parse(JSON.parse(text));
      return { card, workers: served.filter((name) => name === card.name).length };
    });
  }
}
