/**
 * Which lanes a worker reads next, and how many jobs of each.
 *
 * Owns what is known of a shard's lanes: which had more to give when they were read, how much each
 * has given, how many images their jobs have. Never waits while a lane may have more.
 * Invariant: a lane that has jobs is named within two turns, and one that shares with others gets
 * as many images as they do.
 *
 * @module
 */
import type { Delivery, Lane } from "../shared/broker.ts";
import { laneKey, Shares } from "./shares.ts";

/** One read. */
export interface Turn {
  readonly lanes: readonly Lane[];
  /** Jobs of each lane at most. */
  readonly count: number;
  /** Whether to wait for a job: no lane is known to have one. */
  readonly wait: boolean;
}

export class Turns {
  readonly #lanes: readonly Lane[];
  readonly #shares = new Shares();
  /** Lanes that gave as many jobs as they were asked for: they may have more. */
  readonly #backlogged = new Set<string>();
  readonly #imagesPerJob = new Map<string, number>();
  /** Whether lanes that had nothing before were looked at in the last turn. */
  #looked = false;

  constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes;
  }

  /**
   * The next turn: by turns, all lanes of which nothing is known, and those that have more.
   *
   * @param room images that can be taken in
   */
  next(room: number): Turn {
    const backlogged = this.#lanes.filter((lane) => this.#backlogged.has(laneKey(lane)));
    const wait = backlogged.length === 0;
    this.#looked = wait || !this.#looked;
    this.#shares.advance(backlogged);
    const { lanes, gap } = wait
      ? { lanes: this.#lanes, gap: Infinity }
      : this.#shares.least(this.#looked ? this.#lanes : backlogged);
    const perJob = Math.max(...lanes.map((lane) => this.#imagesPerJob.get(laneKey(lane)) ?? 1));
    const images = Math.min(room / lanes.length, gap);
    return { lanes, count: Math.max(1, Math.floor(images / perJob)), wait };
  }

  /** Notes what a turn gave. */
  note({ lanes, count }: Turn, deliveries: readonly Delivery[]): void {
    const given = Map.groupBy(deliveries, laneKey);
    for (const key of lanes.map(laneKey)) {
      const jobs = given.get(key) ?? [];
      if (jobs.length < count) this.#backlogged.delete(key);
      else this.#backlogged.add(key);
      if (jobs.length > 0) this.#expect(key, jobs);
    }
  }

  /** Rises at once and falls slowly: to hand back costs more than to read once more. */
  #expect(key: string, jobs: readonly Delivery[]): void {
    const images = jobs.reduce((sum, { images }) => sum + images.length, 0);
    const mean = images / jobs.length;
    this.#imagesPerJob.set(key, Math.max(mean, ((this.#imagesPerJob.get(key) ?? 1) + mean) / 2));
  }

  /** Takes of some deliveries, in fair turns of their lanes, as many as fill a room of images. */
  share(deliveries: readonly Delivery[], room: number): Delivery[] {
    const queues = [...Map.groupBy(deliveries, laneKey).values()].map((jobs) => ({
      model: jobs[0]!.model,
      lane: jobs[0]!.lane,
      jobs: [...jobs],
    }));
    const taken: Delivery[] = [];
    let images = 0;
    while (images < room && taken.length < deliveries.length) {
      const waiting = queues.filter(({ jobs }) => jobs.length > 0);
      const [queue] = this.#shares.least(waiting).lanes;
      const delivery = queue!.jobs.shift()!;
      this.#shares.give(delivery, delivery.images.length);
      images += delivery.images.length;
      taken.push(delivery);
    }
    return taken;
  }
}
