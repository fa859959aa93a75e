/**
 * Decoded jobs between the reader and the model: whatever waits makes the next batch.
 *
 * Owns the bound on what a worker holds, in images. Never waits for a fuller batch but for what is
 * being decoded already, unless told to linger.
 * Invariant: a lane's jobs for a version of a model leave in the order in which they came, but for
 * those that were begun before, which wait to be first and leave alone; lanes take turns.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import { orAborted } from "../shared/or_aborted.ts";
import type { PreparedJob } from "./prepared.ts";
import { laneKey, Shares } from "./shares.ts";

export interface BatcherParts {
  /** Images in one batch at most. */
  readonly batchMax: number;
  /** How long to wait for a fuller batch. */
  readonly lingerMs: number;
  readonly clock: Clock;
}

/** Batches that a worker holds at most: one runs, the next is being decoded. */
const BATCHES_HELD_MAX = 2;

export class Batcher {
  readonly #parts: BatcherParts;
  readonly #waiting: PreparedJob[] = [];
  readonly #shares = new Shares();
  /** Images that were reserved and not released yet. */
  #held = 0;
  #closed = false;
  #changed = Promise.withResolvers<void>();

  constructor(parts: BatcherParts) {
    this.#parts = parts;
  }

  /** Images in one batch at most. */
  get batchMax(): number {
    return this.#parts.batchMax;
  }

  /** Images that could be taken in now. */
  get free(): number {
    return Math.max(0, this.heldMax - this.#held);
  }

  /** Images in the worker's hands with which no more are taken in. */
  get heldMax(): number {
    return BATCHES_HELD_MAX * this.#parts.batchMax;
  }

  /** Images in the worker's hands. */
  get held(): number {
    return this.#held;
  }

  /** Waits until something can be taken in, or the signal aborts. */
  async whenFree(signal: AbortSignal): Promise<void> {
    while (this.free === 0 && !signal.aborted) await orAborted(this.#changed.promise, signal);
  }

  /** Counts images that are about to be decoded. */
  reserve(images: number): void {
    this.#held += images;
  }

  /** Counts images out that are done with. */
  release(images: number): void {
    this.#held -= images;
    this.#announce();
  }

  /** Takes in a decoded job, its images reserved before. */
  add(job: PreparedJob): void {
    this.#waiting.push(job);
    this.#announce();
  }

  /** No more will come: `take` gives what is left, then nothing. */
  close(): void {
    this.#closed = true;
    this.#announce();
  }

  /**
   * Waits for work.
   *
   * @param patienceMs how long a batch that is not full waits for images that are being decoded:
   * once they are there they cost a run less. As long as a run takes, it pays; a photo that takes
   * long to decode does not hold up the others.
   * @returns jobs of one model's version, in fair turns of its lanes, of at most `batchMax` images
   * unless one job alone has more, or one job that was begun before; empty once closed, with nothing
   * left
   */
  async take(patienceMs = 0): Promise<PreparedJob[]> {
    while (this.#waiting.length === 0) {
      if (this.#closed && this.#held === 0) return [];
      await this.#changed.promise;
    }
    const alone = this.#waiting[0]!.attempt > 1;
    if (!alone) {
      await this.#gather(this.#parts.lingerMs, () => !this.#closed);
      await this.#gather(patienceMs, () => this.#held > this.#images());
    }
    return this.#next();
  }

  /** Waits for a full batch, while there may come more. */
  async #gather(forMs: number, mayCome: () => boolean): Promise<void> {
    const { batchMax, clock } = this.#parts;
    const isOver = () => !mayCome() || this.#images() >= batchMax;
    if (forMs === 0 || isOver()) return;
    const late = new AbortController();
    const cancel = clock.after(forMs, () => late.abort());
    while (!late.signal.aborted && !isOver()) await orAborted(this.#changed.promise, late.signal);
    cancel();
  }

  #next(): PreparedJob[] {
    const first = this.#waiting[0]!;
    // A job that was begun before may be the one that ended its worker.
    if (first.attempt > 1) return [this.#leave(first)];
    const fresh = this.#waiting.filter(({ attempt }) => attempt === 1);
    let queues = [...Map.groupBy(fresh, ({ model }) => model).values()]
      .flatMap((own) => [...Map.groupBy(own, ({ delivery }) => laneKey(delivery)).values()]);
    this.#shares.advance(queues.map(([job]) => job!.delivery));
    const batch: PreparedJob[] = [];
    let images = 0;
    while (queues.length > 0) {
      const heads = queues.map(([job]) => job!.delivery);
      const [next] = this.#shares.least(heads).lanes;
      const queue = queues[heads.indexOf(next!)]!;
      const job = queue.shift()!;
      const fits = batch.length === 0 || images + job.pixels.length <= this.#parts.batchMax;
      if (fits) {
        batch.push(this.#leave(job));
        images += job.pixels.length;
      }
      queues = queues.filter(([other]) => other?.model === job.model)
        .filter((other) => fits || other !== queue);
    }
    return batch;
  }

  #leave(job: PreparedJob): PreparedJob {
    this.#waiting.splice(this.#waiting.indexOf(job), 1);
    this.#shares.give(job.delivery, job.pixels.length);
    return job;
  }

  #images(): number {
    return this.#waiting.reduce((sum, job) => sum + job.pixels.length, 0);
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
