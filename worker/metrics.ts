/**
 * What a worker measures of itself, its part of maintenance included, in Prometheus' text format.
 *
 * Owns the registry and the names. Is told of what passes by, and reads levels where they are kept
 * when somebody asks. Never asks Redis.
 * Invariant: a job is observed once, by the worker that wrote its outcome.
 *
 * @module
 */
import { Counter, Histogram, Registry } from "prom-client";
import type { Verdict } from "../shared/broker.ts";
import {
  countFinished,
  gauge,
  type JobCounts,
  measureProcess,
  measureRedis,
  type RedisWay,
  SECONDS_BUCKETS,
  total,
} from "../shared/metrics.ts";
import type { Batcher } from "./batcher.ts";
import type { Hands } from "./hands.ts";
import type { Decoder } from "./images/decoder.ts";
import type { Janitor } from "./janitor.ts";
import type { AttemptEnd, Stage } from "./stages.ts";

/** Where levels are kept. */
export interface WorkerLevels {
  readonly batcher: Pick<Batcher, "held" | "heldMax">;
  readonly decoder: Pick<Decoder, "running" | "runningMax">;
  readonly hands: Pick<Hands, "size">;
}

/** Upper bounds of batches: up to the greatest that a setting allows. */
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

export class WorkerMetrics {
  readonly registry: Registry = new Registry();
  readonly counts: Pick<JobCounts, "finished"> = { finished: countFinished(this.registry) };
  readonly #stages: Histogram<"model" | "stage">;
  readonly #batches: Histogram<"model">;
  readonly #redeliveries: Counter;

  constructor() {
    const registers = [this.registry];
    this.#stages = new Histogram({
      name: "weir_job_stage_seconds",
      help:
        "Where the time of jobs went: queue, decode, wait (for the model), infer, reply (until " +
        "the outcome is written), and in total",
      labelNames: ["model", "stage"],
      buckets: [...SECONDS_BUCKETS],
      registers,
    });
    this.#batches = new Histogram({
      name: "weir_batch_images",
      help: "Images in each batch that a model was given",
      labelNames: ["model"],
      buckets: BATCH_BUCKETS,
      registers,
    });
    this.#redeliveries = new Counter({
      name: "weir_redeliveries_total",
      help: "Jobs taken over: from a worker that fell silent, or after an attempt that was put off",
      registers,
    });
  }

  /** A batch is about to run. */
  batch(model: string, images: number): void {
    this.#batches.observe({ model }, images);
  }

  /** A delivery was claimed. */
  redelivered(): void {
    this.#redeliveries.inc();
  }

  /**
   * An attempt that is beginning.
   *
   * @returns what is to be told of its end
   */
  attempt(
    model: string,
    { waitedMs, ageMs }: Extract<Verdict, { kind: "run" }>,
  ): (how: AttemptEnd, ms: ReadonlyMap<Stage, number>) => void {
    return (how, stages) => {
      if (how === "put_off" || how === "handed_back" || how === "late") return;
      const observe = (stage: string, ms: number) =>
        this.#stages.observe({ model, stage }, ms / 1000);
      if (waitedMs !== undefined) observe("queue", waitedMs);
      let sum = ageMs;
      for (const [stage, ms] of stages) {
        observe(stage, ms);
        sum += ms;
      }
      observe("total", sum);
    };
  }

  /** Measures the process and its way to Redis. */
  watchProcess(shards: RedisWay, janitors: readonly Pick<Janitor, "elected" | "runs">[]): void {
    measureProcess(this.registry);
    measureRedis(this.registry, shards);
    gauge(
      this.registry,
      "weir_maintained_shards",
      "Shards that this worker maintains",
      () => janitors.filter(({ elected }) => elected).length,
    );
    total(
      this.registry,
      "weir_maintenance_runs_total",
      "Maintenance runs that had something to do",
      () => janitors.reduce((sum, { runs }) => sum + runs, 0),
    );
  }

  /** Measures what is under way, beside the bounds on it. */
  watchPipeline({ batcher, decoder, hands }: WorkerLevels): void {
    const levels: readonly [name: string, help: string, read: () => number][] = [
      ["weir_jobs_in_hand", "Jobs that this worker has read and not finished", () => hands.size],
      [
        "weir_images_held",
        "Images that are being decoded, wait for the model or are in it",
        () => batcher.held,
      ],
      [
        "weir_images_held_max",
        "Level of weir_images_held at which no more jobs are begun",
        () => batcher.heldMax,
      ],
      ["weir_images_decoding", "Images that are being decoded", () => decoder.running],
      ["weir_images_decoding_max", "Bound on weir_images_decoding", () => decoder.runningMax],
    ];
    for (const [name, help, read] of levels) gauge(this.registry, name, help, read);
  }
}
