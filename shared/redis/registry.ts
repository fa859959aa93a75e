/**
 * Who serves what: workers announce their cards, gateways read them.
 *
 * A worker lives as long as its beat does. A model is offered for a while longer than its last
 * worker: it takes jobs without workers too, an unknown one does not.
 *
 * @module
 */
import { z } from "zod";
import {
  BrokerUnavailable,
  type Directory,
  type ServedModel,
  type WorkerCard,
  type WorkerRegistry,
} from "../broker.ts";
import { MODEL_KEEP_MS, ModelCardSchema } from "../model_card.ts";
import type { Clock } from "../clock.ts";
import type { ShardKeys } from "./keys.ts";
import type { Shard } from "./shard.ts";

/** How often a worker says anew that its models take jobs; they do for so much longer than a day. */
export const OFFER_MS = 3_600_000;

/** Lifetime of an offer: at least {@linkcode MODEL_KEEP_MS} after the last worker. */
const OFFERED_MS = MODEL_KEEP_MS + OFFER_MS;

/** A worker's entry in the hash of workers: versions of the models it serves, by name. */
const Served = z.record(z.string(), z.array(z.string()));

/** Reads that entry. */
export function servedOf(text: string): Readonly<Record<string, readonly string[]>> {
  return Served.parse(JSON.parse(text));
}

/** Reads what a beat says: the worker's engines, and how long a beat keeps it alive. */
export function parseBeat(text: string): { readonly engine: string; readonly lifetimeMs: number } {
  const [engine = "", lifetimeMs] = text.split(" ");
  return { engine, lifetimeMs: Number(lifetimeMs) };
}

export interface RedisRegistryParts {
  readonly shard: Shard;
  /** Name of this worker. */
  readonly worker: string;
  /** How long a beat keeps the worker known as alive. */
  readonly lifetimeMs: number;
  readonly clock: Clock;
}

export class RedisWorkerRegistry implements WorkerRegistry {
  readonly #parts: RedisRegistryParts;
  readonly #keys: ShardKeys;
  #announced: WorkerCard | undefined;
  /** Whether Redis has been told of that. */
  #told = false;
  /** When its models are to be offered anew. */
  #offerAt = 0;

  constructor(parts: RedisRegistryParts) {
    // Redis takes whole milliseconds alone.
    this.#parts = { ...parts, lifetimeMs: Math.ceil(parts.lifetimeMs) };
    this.#keys = parts.shard.keys;
  }

  async announce(card: WorkerCard): Promise<void> {
    const { shard, worker, lifetimeMs, clock } = this.#parts;
    this.#announced = card;
    this.#told = false;
    const offerAt = clock.now() + OFFER_MS;
    const models = Map.groupBy(card.models, ({ name }) => name);
    const cards = [...models].flatMap(([name, [main]]) => [name, JSON.stringify(main)]);
    const served = Object.fromEntries(
      [...models].map(([name, own]) => [name, own.map(({ version }) => version)]),
    );
    await shard.run((client) => {
      const all = client.multi()
        .hset(this.#keys.models(), ...cards)
        .hset(this.#keys.workers(), worker, JSON.stringify(served))
        .set(this.#keys.beat(worker), `${card.engine} ${lifetimeMs}`, "PX", lifetimeMs);
      for (const name of models.keys()) all.set(this.#keys.offered(name), worker, "PX", OFFERED_MS);
      return all.exec();
    });
    this.#offerAt = offerAt;
    this.#told = true;
  }

  /** Beats; where Redis has forgotten this worker, or could not be told, announces it again. */
  async beat(): Promise<void> {
    const { shard, worker, lifetimeMs, clock } = this.#parts;
    const card = this.#announced;
    if (card === undefined) return;
    const now = clock.now();
    const offered = now < this.#offerAt ? [] : card.models;
    // Neither SET nor MULTI, which a Redis whose memory is used up refuses.
    const kept = await shard.run((client) =>
      Promise.all([
        client.pexpire(this.#keys.beat(worker), lifetimeMs),
        ...offered.map(({ name }) => client.pexpire(this.#keys.offered(name), OFFERED_MS)),
      ])
    );
    if (kept.includes(0) || !this.#told) return await this.announce(card);
    if (offered.length > 0) this.#offerAt = now + OFFER_MS;
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

  async models(): Promise<ServedModel[]> {
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

async function modelsOf(shard: Shard): Promise<ServedModel[]> {
  const { keys } = shard;
  const [cards, workers] = await shard.run((client) =>
    Promise.all([client.hgetall(keys.models()), client.hgetall(keys.workers())])
  );
  const alive = await present(shard, Object.keys(workers), (worker) => keys.beat(worker));
  const offered = await present(shard, Object.keys(cards), (model) => keys.offered(model));
  const served = alive.map((worker) => servedOf(workers[worker]!));
  return offered.map((model) => {
    const card = ModelCardSchema.parse(JSON.parse(cards[model]!));
    const serving = served.flatMap((models) => models[model] === undefined ? [] : [models[model]]);
    const versions = new Map<string, number>();
    for (const version of serving.flat().sort((a, b) => Number(a) - Number(b))) {
      versions.set(version, (versions.get(version) ?? 0) + 1);
    }
    return { card, workers: serving.length, versions };
  });
}

/** Those of some names whose key is there. */
async function present(
  shard: Shard,
  names: readonly string[],
  keyOf: (name: string) => string,
): Promise<string[]> {
  if (names.length === 0) return [];
  const values = await shard.run((client) => client.mget(names.map(keyOf)));
  return names.filter((_, i) => values[i] !== null);
}
