/**
 * The models that this worker serves now, and which of their versions does which job.
 *
 * Owns the loaded versions. One that is replaced is unloaded when the last job that it was chosen
 * for is out of the worker's hands.
 * Invariant: a job has one version from its decoding to its answer; another attempt has the same
 * one, while the same versions are served.
 *
 * @module
 */
import type { Delivery } from "../shared/broker.ts";
import { type JobId, uuidOf } from "../shared/job.ts";
import type { ModelCard } from "../shared/model_card.ts";
import type { Served } from "./served_model.ts";

/** The versions of a model that are served side by side. */
export interface Lineup {
  /** Does all jobs but those of `rollout`. */
  readonly main: Served;
  /** A version that is being rolled out: it does `percent` of the jobs. */
  readonly rollout?: { readonly model: Served; readonly percent: number };
}

export class ModelTable implements Disposable {
  readonly #lineups = new Map<string, Lineup>();
  /** Jobs in hand that each version was chosen for. */
  readonly #jobs = new Map<Served, number>();

  get names(): string[] {
    return [...this.#lineups.keys()];
  }

  /** Versions that are served, by the names of their models; of each the main one first. */
  get cards(): ModelCard[] {
    return [...this.#lineups.values()].flatMap(versionsOf).map(({ card }) => card);
  }

  /** How a model is served. */
  lineup(name: string): Lineup {
    return this.#lineups.get(name)!;
  }

  /** The versions of a model, the main one first; none where it is not served. */
  versions(name: string): Served[] {
    const lineup = this.#lineups.get(name);
    return lineup === undefined ? [] : versionsOf(lineup);
  }

  /** Serves these versions from the next job on. */
  set(name: string, lineup: Lineup): void {
    const before = this.versions(name);
    this.#lineups.set(name, lineup);
    for (const model of before) this.#unloadUnlessNeeded(model);
  }

  /**
   * Chooses the version for a job that is about to be decoded; it stays until it is released.
   *
   * @returns undefined where the job wants a version that is not served
   */
  take(job: Pick<Delivery, "model" | "id" | "version">): Served | undefined {
    const model = this.#choose(job);
    if (model === undefined) return undefined;
    this.#jobs.set(model, (this.#jobs.get(model) ?? 0) + 1);
    return model;
  }

  /** A job that the version was chosen for is out of the worker's hands. */
  release(model: Served): void {
    this.#jobs.set(model, this.#jobs.get(model)! - 1);
    this.#unloadUnlessNeeded(model);
  }

  #choose(
    { model: name, id, version }: Pick<Delivery, "model" | "id" | "version">,
  ): Served | undefined {
    const { main, rollout } = this.#lineups.get(name)!;
    if (version !== undefined) {
      return this.versions(name).find(({ card }) => card.version === version);
    }
    return rollout !== undefined && placeOf(id) < rollout.percent ? rollout.model : main;
  }

  #unloadUnlessNeeded(model: Served): void {
    const served = this.versions(model.files.name).includes(model);
    if (served || (this.#jobs.get(model) ?? 0) > 0) return;
    this.#jobs.delete(model);
    model[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    const replaced = [...this.#jobs.keys()];
    const served = [...this.#lineups.values()].flatMap(versionsOf);
    for (const model of new Set([...served, ...replaced])) model[Symbol.dispose]();
  }
}

/** The main one first. */
export function versionsOf({ main, rollout }: Lineup): Served[] {
  return rollout === undefined ? [main] : [main, rollout.model];
}

/** Where a job stands among all, from 0 to 100: an id begins with 32 random bits, evenly spread. */
export function placeOf(id: JobId): number {
  return parseInt(uuidOf(id).slice(0, 8), 16) / 2 ** 32 * 100;
}
