/**
 * The runner: gives batches to the models, one at a time, and their answers to the settler.
 *
 * Owns nothing but the loop. A batch that fails as a whole is run again image by image, so that
 * one bad image fails alone. Invariant: every job it takes is settled, unless it is given up.
 *
 * @module
 */
import type { Finished } from "../shared/broker.ts";
import type { Clock } from "../shared/clock.ts";
import type { Prediction } from "../shared/job.ts";
import type { Log } from "../shared/log.ts";
import type { Batcher } from "./batcher.ts";
import type { PreparedJob } from "./prepared.ts";
import type { BatchImage, Served } from "./served_model.ts";
import type { Settler } from "./settler.ts";

export interface RunnerParts {
  readonly models: ReadonlyMap<string, Served>;
  readonly batcher: Batcher;
  readonly settler: Settler;
  /** Told before and after each batch. */
  readonly onBatch: (running: boolean) => void;
  /** `WEIR_ATTEMPTS_MAX`. */
  readonly attemptsMax: number;
  /** Images given to a model at once. */
  readonly batchMax: number;
  /** A number from 0 to 1, evenly. */
  readonly random: () => number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Mean pause before the second attempt; it doubles with each, and half of it is random. */
const RETRY_PAUSE_MS = 1000;

export class Runner {
  readonly #parts: RunnerParts;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Runs batches until the batcher is closed and empty. The signal gives up on a running one. */
  async run(signal: AbortSignal): Promise<void> {
    const { batcher, settler, clock } = this.#parts;
    let [tookMs, written] = [0, Promise.resolve()];
    while (true) {
      const jobs = await batcher.take(tookMs);
      if (jobs.length === 0) return;
      const began = clock.now();
      const finished = await this.#runJobs(jobs, signal);
      tookMs = clock.now() - began;
      // Outcomes are written beside the next batch, but no further ahead.
      await written;
      settler.settle(finished);
      batcher.release(jobs.reduce((sum, job) => sum + job.pixels.length, 0));
      written = settler.settled();
    }
  }

  async #runJobs(jobs: readonly PreparedJob[], signal: AbortSignal): Promise<Finished[]> {
    const { models, batchMax, onBatch, clock } = this.#parts;
    const model = models.get(jobs[0]!.delivery.model)!;
    const images = jobs.flatMap((job) =>
      job.pixels.map((pixels) => ({ job, pixels, top: job.delivery.top }))
    );
    const finished: Finished[] = [];
    const failed = new Set<PreparedJob>();
    for (let from = 0; from < images.length; from += batchMax) {
      const batch = images.slice(from, from + batchMax);
      const began = clock.now();
      onBatch(true);
      const answers = await this.#classify(model, batch, signal);
      onBatch(false);
      const ran = { ms: clock.now() - began, images: batch.length };
      batch.forEach(({ job }, i) => {
        const predictions = answers[i];
        if (predictions === undefined) failed.add(job);
        // After an image without one, no answer would have the place of its image.
        if (predictions === undefined || failed.has(job)) return;
        if (job.answer({ predictions }, ran)) finished.push(job.succeeded());
      });
      const last = batch.at(-1)!.job;
      if (images[from + batchMax]?.job === last) await this.#report(last);
    }
    // What is given up stays in the worker's hands, to be handed back.
    if (signal.aborted) return finished;
    for (const job of failed) {
      if (job.attempt < this.#parts.attemptsMax) this.#putOff(job);
      else finished.push(job.dead(`the model failed on the image, ${job.attempt} times`));
    }
    return finished;
  }

  /** Tells how far a job has come that goes on with the next batch. */
  async #report(job: PreparedJob): Promise<void> {
    const { progress } = job;
    if (progress.answers.length === 0) return;
    if (await this.#parts.settler.report(progress)) job.reported();
  }

  /** A model that fails may be short of memory, or the like: its next attempt comes later. */
  #putOff(job: PreparedJob): void {
    const { settler, random } = this.#parts;
    const pauseMs = RETRY_PAUSE_MS * 2 ** (job.attempt - 1) * (0.5 + random());
    settler.retry(job.delivery, Math.round(pauseMs));
  }

  /** Predictions of each image; undefined where the model fails on that image alone too. */
  async #classify(
    model: Served,
    batch: readonly BatchImage[],
    signal: AbortSignal,
  ): Promise<(Prediction[] | undefined)[]> {
    const fields = { model: model.files.name, images: batch.length };
    try {
      const answers = await model.classify(batch, signal);
      this.#parts.log.debug("batch done", { ...fields, tensors: model.tensors });
      return answers;
    } catch (error) {
      if (signal.aborted) return [];
      this.#parts.log.error("batch failed", { ...fields, error: String(error) });
      if (batch.length === 1) return [undefined];
    }
    const answers: (Prediction[] | undefined)[] = [];
    for (const image of batch) answers.push(...await this.#classify(model, [image], signal));
    return answers;
  }
}
