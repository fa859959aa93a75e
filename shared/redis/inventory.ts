/**
 * What there is on a shard for maintenance to look after, and whether any of it may want a run.
 *
 * Owns what the last run has seen. Only reads, and no image.
 * Invariant: where nothing happens, a look costs a handful of commands.
 *
 * @module
 */
import type { ShardKeys } from "./keys.ts";
import type { Shard } from "./shard.ts";

/**
 * Looks in which all is asked for that may be to do though no job came and none was done: each of
 * them asks for one part of it.
 */
export const LOOKS_FOR_ALL = 5;

/** Fields of a load of which one changes when a job comes, and when one is done. */
const LOAD_FIELDS = ["jobs", "bytes", "last"] as const;

/** Those of each model; nulls where nothing of it has been submitted since it had no jobs. */
export type Loads = ReadonlyMap<string, readonly (string | null)[]>;

export class Inventory {
  readonly #shard: Shard;
  readonly #keys: ShardKeys;
  /** What the last run found: the loads, as a text, and the job with the nearest deadline. */
  #seen: { readonly loads: string; readonly nearest: string } | undefined;
  /** Counts the looks that found the loads as they were. */
  #quiet = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#keys = shard.keys;
  }

  /** Remembers what a run began with. */
  note(loads: Loads, nearest: string): void {
    this.#seen = { loads: textOf(loads), nearest };
  }

  /** Whether there may be something to do of which the last run did not know. */
  async differs(): Promise<boolean> {
    const loads = await this.loads();
    if (textOf(loads) !== this.#seen?.loads) return true;
    switch (this.#quiet++ % LOOKS_FOR_ALL) {
      case 0:
        return await this.#someMissing(await this.#feeds());
      case 1:
        return await this.#someEvents(await this.#feeds());
      case 2:
        return await this.someDead(await this.workers());
      case 3:
        return await this.someNotOffered([...loads.keys()]);
      default:
        return await this.#nearest() !== this.#seen.nearest || await this.#someLost(loads);
    }
  }

  async loads(): Promise<Loads> {
    return await this.#shard.run(async (client) => {
      const models = await client.hkeys(this.#keys.models());
      const loads = models.map(async (model) =>
        [model, await client.hmget(this.#keys.load(model), ...LOAD_FIELDS)] as const
      );
      return new Map(await Promise.all(loads));
    });
  }

  /** Names of the gateways that have had a result stream. */
  gateways(): Promise<string[]> {
    return this.#shard.run((client) => client.smembers(this.#keys.gateways()));
  }

  /** Names of the workers that did not say that they leave. */
  workers(): Promise<string[]> {
    return this.#shard.run((client) => client.hkeys(this.#keys.workers()));
  }

  /** Whether one of some workers no longer beats. */
  someDead(workers: readonly string[]): Promise<boolean> {
    return this.#someMissing(workers.map((worker) => this.#keys.beat(worker)));
  }

  /** Whether one of some models takes no jobs any more. */
  someNotOffered(models: readonly string[]): Promise<boolean> {
    return this.#someMissing(models.map((model) => this.#keys.offered(model)));
  }

  /** The gateways' result streams: those of gateways that died are gone. */
  async #feeds(): Promise<string[]> {
    return (await this.gateways()).map((gateway) => this.#keys.results(gateway));
  }

  /** Whether there are events to be trimmed: of jobs that no worker had. */
  async #someEvents(feeds: readonly string[]): Promise<boolean> {
    const lengths = await this.#shard.run((client) =>
      Promise.all(feeds.map((feed) => client.xlen(feed)))
    );
    return lengths.some((events) => events > 0);
  }

  /** Whether a model has fewer entries than jobs that are to be done, or a load and no entries. */
  async #someLost(loads: Loads): Promise<boolean> {
    for (const [model, [jobs]] of loads) {
      if (typeof jobs === "string" && !await this.#hasEntries(model, Number(jobs))) return true;
    }
    return false;
  }

  /** Whether there is an entry of a model, and one for each of so many jobs. */
  async #hasEntries(model: string, jobs: number): Promise<boolean> {
    let missing = Math.max(1, jobs);
    for (const stream of this.#keys.lanes(model)) {
      missing -= await this.#shard.run((client) => client.xlen(stream));
      // Most often all are in one lane.
      if (missing <= 0) return true;
    }
    return false;
  }

  /** The live job whose deadline comes first; empty where there is none. */
  async #nearest(): Promise<string> {
    const key = this.#keys.deadlines();
    const [first = ""] = await this.#shard.run((client) => client.zrange(key, "0", "0"));
    return first;
  }

  async #someMissing(keys: readonly string[]): Promise<boolean> {
    if (keys.length === 0) return false;
    return await this.#shard.run((client) => client.exists([...keys])) < keys.length;
  }
}

function textOf(loads: Loads): string {
  return JSON.stringify([...loads]);
}
