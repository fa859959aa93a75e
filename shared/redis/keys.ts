/**
 * Every key that Weir uses, built in this one place.
 *
 * A shard is one hash tag, so all keys of a shard lie in one slot and a script may touch several.
 * Invariant: no other file puts a key together.
 *
 * @module
 */
import calculateSlot from "cluster-key-slot";
import type { JobId } from "../job.ts";

/** Consumer group of the workers on every job stream. */
export const GROUP = "workers";

/**
 * Lanes of a model's jobs: streams among which API keys are spread. A change is one of the layout:
 * workers that know fewer lanes would leave jobs unread.
 */
export const LANES = 8;

/** Version of the key layout; a process that knows another one refuses to start. */
export const LAYOUT_VERSION = 3;

/** Layout version and shard count of the whole deployment. */
export const META_KEY = "weir:meta";

/** What the gateways have seen in the last hour: a stream of all of them. */
export const HISTORY_KEY = "weir:history";

/** Hash slots of a Redis Cluster. */
const SLOTS = 16_384;

/**
 * The hash tag of a shard: one whose slot lies near the middle of the shard's part of all slots,
 * so that shards spread evenly over masters that share the slots evenly.
 */
function tagOf(shard: number, shards: number): string {
  if (shards === 1) return "0";
  const part = SLOTS / shards;
  const middle = (shard + 0.5) * part;
  for (let i = 0;; i++) {
    const tag = `${shard}.${i}`;
    if (Math.abs(calculateSlot(tag) - middle) < part / 8) return tag;
  }
}

/** The lane of an API key's jobs: 16,384 slots are the same number for each of 8 lanes. */
export function laneOf(owner: string): number {
  return calculateSlot(owner) % LANES;
}

/** The keys of one shard. */
export class ShardKeys {
  readonly shard: number;
  readonly #prefix: string;

  constructor(shard: number, shards = 1) {
    this.shard = shard;
    this.#prefix = `weir:{${tagOf(shard, shards)}}:`;
  }

  /** Stream of job entries. */
  jobs(model: string, lane: number): string {
    return `${this.#prefix}jobs:${model}:${lane}`;
  }

  /** Stream of the outcomes that a gateway waits for. */
  results(gateway: string): string {
    return `${this.#prefix}results:${gateway}`;
  }

  /** Hash with a job's record. */
  job(id: JobId): string {
    return `${this.#prefix}job:${id}`;
  }

  /** String from an idempotency key's digest to a body's fingerprint and a job. */
  idempotency(digest: string): string {
    return `${this.#prefix}idem:${digest}`;
  }

  /** The streams of all lanes of a model, in their order. */
  lanes(model: string): string[] {
    return Array.from({ length: LANES }, (_, lane) => this.jobs(model, lane));
  }

  /** Hash with what is admitted for a model, and how fast it is done. */
  load(model: string): string {
    return `${this.#prefix}load:${model}`;
  }

  /** Stream of a model's dead letters. */
  dead(model: string): string {
    return `${this.#prefix}dead:${model}`;
  }

  /** Image bytes in a model's dead letters. */
  deadBytes(model: string): string {
    return `${this.#prefix}dead-bytes:${model}`;
  }

  /** Hash from the id of a dead job to its letter: entry and model. */
  deadIndex(): string {
    return `${this.#prefix}dead-index`;
  }

  /** Sorted set of live jobs by deadline. */
  deadlines(): string {
    return `${this.#prefix}deadlines`;
  }

  /** Set of gateways that have had a result stream. */
  gateways(): string {
    return `${this.#prefix}gateways`;
  }

  /** Hash of worker cards by worker name. */
  workers(): string {
    return `${this.#prefix}workers`;
  }

  /** String that lives as long as a worker beats. */
  beat(worker: string): string {
    return `${this.#prefix}beat:${worker}`;
  }

  /** Hash of model cards by model name, kept until nothing of the model is left. */
  models(): string {
    return `${this.#prefix}models`;
  }

  /** String that lives as long as a model takes jobs: a while longer than its last worker. */
  offered(model: string): string {
    return `${this.#prefix}offered:${model}`;
  }

  /** The maintainer's lease. */
  maintainer(): string {
    return `${this.#prefix}maintainer`;
  }
}

/** The keys of one API key's quota: a slot of its own, as a key's jobs lie on all shards. */
export class QuotaKeys {
  readonly #prefix: string;

  constructor(owner: string) {
    this.#prefix = `weir:{q:${owner}}:`;
  }

  /** Hash with the requests and bytes of the window, which is its lifetime. */
  used(): string {
    return `${this.#prefix}quota`;
  }

  /** Sorted set of the jobs without an outcome, by the time at which they count as done. */
  jobs(): string {
    return `${this.#prefix}jobs`;
  }
}
