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
import type { ImageAnswer, JobId } from "../shared/job.ts";
import type { Log } from "../shared/log.ts";
import { orAborted } from "../shared/or_aborted.ts";
import { MATES_NAMED_MAX } from "../shared/story.ts";
import { jobFields } from "../shared/traceparent.ts";
import type { Tracing } from "../shared/tracing.ts";
import type { Batcher } from "./batcher.ts";
import type { WorkerMetrics } from "./metrics.ts";
import type { PreparedJob } from "./prepared.ts";
import type { BatchImage, Served } from "./served_model.ts";
import type { Settler } from "./settler.ts";

export interface RunnerParts {
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
  readonly tracing: Tracing;
  readonly metrics: Pick<WorkerMetrics, "batch">;
  readonly clock: Clock;
  readonly log: Log;
}

/** One image of a batch, with its job. */
type JobImage = BatchImage & { readonly job: PreparedJob };

/** Mean pause before the second attempt; it doubles with each, and half of it is random. */
const RETRY_PAUSE_MS = 1000;

export class Runner {
  readonly #parts: RunnerParts;
  /** Batches begun so far. */
  #batches = 0;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Runs batches until the batcher is closed and empty. The signal ends it, a running one too. */
  async run(signal: AbortSignal): Promise<void> {
    const { batcher, settler, clock } = this.#parts;
    let [tookMs, written] = [0, Promise.resolve()];
    while (true) {
      const taking = batcher.take(tookMs);
      // What is being decoded cannot be stopped: it is not waited for.
      await orAborted(taking, signal);
      if (signal.aborted) return;
      const jobs = await taking;
      if (jobs.length === 0) return;
      const began = clock.now();
      const finished = await this.#runJobs(jobs, signal);
      tookMs = clock.now() - began;
      for (const { stages } of jobs) stages.enter("reply");
      // Outcomes are written beside the next batch, but no further ahead.
      await written;
      settler.settle(finished);
      batcher.release(jobs.reduce((sum, job) => sum + job.pixels.length, 0));
      written = settler.settled();
    }
  }

  async #runJobs(jobs: readonly PreparedJob[], signal: AbortSignal): Promise<Finished[]> {
    const { batchMax } = this.#parts;
    const { model } = jobs[0]!;
    const images = jobs.flatMap((job) =>
      job.pixels.map((pixels) => ({ job, pixels, top: job.delivery.top }))
    );
    const finished: Finished[] = [];
    const failed = new Set<PreparedJob>();
    for (let from = 0; from < images.length; from += batchMax) {
      const batch = images.slice(from, from + batchMax);
      const answers = await this.#runBatch(model, batch, signal);
      batch.forEach(({ job }, i) => {
        const answer = answers[i];
        if (answer === undefined) failed.add(job);
        // After an image without one, no answer would have the place of its image.
        if (answer === undefined || failed.has(job)) return;
        if (job.answer(answer)) finished.push(job.succeeded());
      });
      const last = batch.at(-1)!.job;
      if (images[from + batchMax]?.job === last) await this.#report(last);
    }
    // What is given up stays in the worker's hands, to be handed back.
    if (signal.aborted) return finished;
    for (const job of failed) {
      const { attempt } = job;
      const often = attempt === 1 ? "once" : `${attempt} times`;
      if (attempt < this.#parts.attemptsMax) this.#putOff(job);
      else finished.push(job.dead(`the model failed on the image, ${often}`));
    }
    return finished;
  }

  /** Runs the model, and notes with each job what it was part of. */
  async #runBatch(
    model: Served,
    batch: readonly JobImage[],
    signal: AbortSignal,
  ): Promise<(ImageAnswer | undefined)[]> {
    const { onBatch, tracing, metrics, clock } = this.#parts;
    const number = ++this.#batches;
    const byJob = Map.groupBy(batch, ({ job }) => job);
    const jobs = [...byJob.keys()];
    for (const { stages } of jobs) stages.enter("infer");
    const span = tracing.batch(model.files.name, number, jobs.map(({ stages }) => stages.spans));
    metrics.batch(model.files.name, batch.length);
    const began = clock.now();
    onBatch(true);
    const together = await this.#answer(model, batch, signal);
    const answers = together ?? await this.#oneByOne(model, batch, signal);
    onBatch(false);
    span.end();
    const ms = clock.now() - began;
    const again = together === undefined && batch.length > 1;
    const run = { number, images: batch.length, jobs: jobs.length, ms, ...(again && { again }) };
    for (const [job, own] of byJob) {
      job.stages.ran({ ...run, mates: matesOf(job, jobs) }, own.length);
    }
    return answers;
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

  /** The answer of each image; undefined where the model fails on the batch as a whole. */
  async #answer(
    model: Served,
    batch: readonly JobImage[],
    signal: AbortSignal,
  ): Promise<ImageAnswer[] | undefined> {
    const { log } = this.#parts;
    const fields = { model: model.files.name, batch: this.#batches, images: batch.length };
    try {
      const answering = model.answer(batch, signal);
      // A run itself cannot be stopped: it is left alone.
      await orAborted(answering, signal);
      if (signal.aborted) return [];
      const answers = await answering;
      log.debug("batch done", { ...fields, tensors: model.tensors });
      return answers;
    } catch (error) {
      if (signal.aborted) return [];
      const one = batch.length === 1 ? jobFields(batch[0]!.job.delivery) : {};
      log.error("batch failed", { ...one, ...fields, error: String(error) });
      return undefined;
    }
  }

  /** The answer of each image; undefined where the model fails on that image alone too. */
  async #oneByOne(
    model: Served,
    batch: readonly JobImage[],
    signal: AbortSignal,
  ): Promise<(ImageAnswer | undefined)[]> {
    if (batch.length === 1) return [undefined];
    const answers: (ImageAnswer | undefined)[] = [];
    for (const image of batch) {
      const answered = await this.#answer(model, [image], signal);
      answers.push(answered?.[0]);
    }
    return answers;
  }
}

/** Some of the other jobs of a batch. */
function matesOf(job: PreparedJob, jobs: readonly PreparedJob[]): JobId[] {
  const mates: JobId[] = [];
  for (const mate of jobs) {
    if (mates.length === MATES_NAMED_MAX) break;
    if (mate !== job) mates.push(mate.delivery.id);
  }
  return mates;
}
