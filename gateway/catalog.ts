/**
 * The models that requests can name, as workers announced them.
 *
 * Owns a copy of the directory that is read on demand: a quiet gateway asks Redis nothing, a busy
 * one not once a request. Invariant: to a caller, models that it may not use are not there.
 *
 * @module
 */
import { closest } from "fastest-levenshtein";
import type { Directory, ServedModel } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Fault } from "../shared/errors.ts";
import type { ModelCard } from "../shared/model_card.ts";
import type { Caller } from "./keys/caller.ts";
import { noSuch } from "./problem.ts";

/** Age beyond which a copy is read again before it is used. */
const FRESH_MS = 30_000;
/** Age below which a model that is unknown, or served by nobody, does not cause another read. */
const MISS_MS = 1_000;

/** Whoever asks for models. */
type Asking = Pick<Caller, "mayUse">;

/** How many of a model's workers serve a version. */
export type Spread = "all" | "some" | "none";

export class Catalog {
  readonly #directory: Directory;
  readonly #clock: Clock;
  #models: readonly ServedModel[] = [];
  #readAt = -Infinity;
  #reading: Promise<readonly ServedModel[]> | undefined;

  constructor(directory: Directory, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /** Reads what is served now to a caller. */
  async readFor(caller: Asking): Promise<readonly ServedModel[]> {
    return visible(await this.read(), caller);
  }

  /** Reads how a model is served now to a caller. */
  async readNamed(caller: Asking, name: string): Promise<ServedModel | undefined> {
    return named(await this.readFor(caller), name);
  }

  /** Reads all that is served now; who asks while it is read shares the answer. */
  read(): Promise<readonly ServedModel[]> {
    this.#reading ??= this.#read().finally(() => this.#reading = undefined);
    return this.#reading;
  }

  async #read(): Promise<readonly ServedModel[]> {
    this.#models = await this.#directory.models();
    this.#readAt = this.#clock.now();
    return this.#models;
  }

  /**
   * Finds a model by name, or the default one.
   *
   * @returns `none` while no worker has ever announced a model
   */
  async find(caller: Asking, name: string | undefined): Promise<ModelCard | "unknown" | "none"> {
    const known = this.#known(caller, name);
    const freshMs = (known?.workers ?? 0) > 0 ? FRESH_MS : MISS_MS;
    if (this.#clock.now() - this.#readAt > freshMs) await this.read();
    if (this.#models.length === 0) return "none";
    return this.#known(caller, name)?.card ?? "unknown";
  }

  /** Says that a model is not there, and which of those that were read last is named most like it. */
  missing(caller: Asking, name: string): Fault {
    const names = visible(this.#models, caller).map(({ card }) => card.name);
    const { code, detail } = noSuch("model");
    if (names.length === 0) return { code, detail };
    return { code, detail: `${detail}, the nearest is "${closest(name, names)}"` };
  }

  /** Which of the workers that serve a model serve this version of it. */
  async spread(name: string, version: string): Promise<Spread> {
    const freshMs = spreadOf(named(this.#models, name), version) === "all" ? FRESH_MS : MISS_MS;
    if (this.#clock.now() - this.#readAt > freshMs) await this.read();
    return spreadOf(named(this.#models, name), version);
  }

  #known(caller: Asking, name: string | undefined): ServedModel | undefined {
    const models = visible(this.#models, caller);
    if (name !== undefined) return named(models, name);
    // A default of earlier days stays known: one that is served goes before it.
    const defaults = models.filter(({ card }) => card.default);
    return defaults.find(({ workers }) => workers > 0) ?? defaults[0];
  }
}

function visible(models: readonly ServedModel[], caller: Asking): readonly ServedModel[] {
  return models.filter(({ card }) => caller.mayUse(card.name));
}

function named(models: readonly ServedModel[], name: string): ServedModel | undefined {
  return models.find(({ card }) => card.name === name);
}

/** Without a worker, the version that was served last is what all would serve. */
function spreadOf(model: ServedModel | undefined, version: string): Spread {
  if (model === undefined) return "none";
  const { card, workers, versions } = model;
  if (workers === 0) return version === card.version ? "all" : "none";
  const serving = versions.get(version) ?? 0;
  return serving === workers ? "all" : serving > 0 ? "some" : "none";
}
