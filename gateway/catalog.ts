/**
 * The models that requests can name, as workers announced them.
 *
 * Owns a copy of the directory that is read on demand: a quiet gateway asks Redis nothing.
 *
 * @module
 */
import type { Directory } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { ModelCard } from "../shared/model_card.ts";

/** A model with the number of workers that serve it. */
export interface CatalogModel {
  readonly card: ModelCard;
  readonly workers: number;
}

/** Age beyond which a copy is read again before it is used. */
const FRESH_MS = 30_000;
/** Age below which an unknown name does not cause another read. */
const MISS_MS = 1_000;

export class Catalog {
  readonly #directory: Directory;
  readonly #clock: Clock;
  #models: readonly CatalogModel[] = [];
  #readAt = -Infinity;

  constructor(directory: Directory, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /** Reads what is served now. */
  async read(): Promise<readonly CatalogModel[]> {
    this.#models = await this.#directory.models();
    this.#readAt = this.#clock.now();
    return this.#models;
  }

  /**
   * Finds a model by name, or the default one.
   *
   * @returns `none` while no worker has ever announced a model
   */
  async find(name: string | undefined): Promise<ModelCard | "unknown" | "none"> {
    const age = this.#clock.now() - this.#readAt;
    const known = this.#known(name);
    if (age > FRESH_MS || (known === undefined && age > MISS_MS)) await this.read();
    if (this.#models.length === 0) return "none";
    return this.#known(name) ?? "unknown";
  }

  #known(name: string | undefined): ModelCard | undefined {
    return this.#models.map(({ card }) => card)
      .find((card) => name === undefined ? card.default : card.name === name);
  }
}
