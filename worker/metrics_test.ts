import assert from "node:assert/strict";
import { Scrape } from "../shared/testing/scrape.ts";
import { WorkerMetrics } from "./metrics.ts";
import type { AttemptEnd, Stage } from "./stages.ts";

async function scrape({ registry }: WorkerMetrics): Promise<Scrape> {
  return new Scrape(await registry.metrics());
}

const BEGUN = { kind: "run", attempt: 1, tell: "", waitedMs: 250, ageMs: 300 } as const;
const STAGES: ReadonlyMap<Stage, number> = new Map([["decode", 10], ["infer", 20], ["reply", 30]]);

Deno.test("the stages of a job are observed once, in seconds, and make its whole time", async () => {
  const metrics = new WorkerMetrics();
  metrics.attempt("shapes", BEGUN)("succeeded", STAGES);
  const read = await scrape(metrics);
  const name = "weir_job_stage_seconds";
  const sums = ["queue", "decode", "infer", "reply", "total"].map((stage) =>
    read.value(`${name}_sum`, { model: "shapes", stage })
  );
  assert.deepEqual(sums, [0.25, 0.01, 0.02, 0.03, 0.36]);
  assert.equal(read.value(`${name}_count`, { stage: "total" }), 1);
  assert.equal(read.value(`${name}_bucket`, { stage: "decode", le: "0.01" }), 1);
  assert.equal(read.value(`${name}_bucket`, { stage: "decode", le: "0.005" }), 0);
  assert.deepEqual(read.labels(`${name}_count`, "stage"), [
    "decode",
    "infer",
    "queue",
    "reply",
    "total",
  ]);
});

Deno.test("an attempt without an outcome of its own tells nothing of its job's stages", async () => {
  const metrics = new WorkerMetrics();
  const ends: AttemptEnd[] = ["put_off", "handed_back", "late"];
  for (const how of ends) metrics.attempt("shapes", BEGUN)(how, STAGES);
  assert.equal((await scrape(metrics)).value("weir_job_stage_seconds_count"), undefined);
});

Deno.test("a job that was left running by another worker has no time in the queue", async () => {
  const metrics = new WorkerMetrics();
  const { waitedMs: _, ...left } = BEGUN;
  metrics.attempt("shapes", left)("failed", STAGES);
  const read = await scrape(metrics);
  assert.equal(read.value("weir_job_stage_seconds_count", { stage: "queue" }), undefined);
  assert.equal(read.value("weir_job_stage_seconds_sum", { stage: "total" }), 0.36);
});

Deno.test("a worker's levels are told beside their bounds, as they are when asked for", async () => {
  const metrics = new WorkerMetrics();
  const batcher = { held: 1, heldMax: 2 };
  metrics.watchPipeline({ batcher, decoder: { running: 3, runningMax: 4 }, hands: { size: 5 } });
  const janitors = [{ elected: true, runs: 6 }, { elected: false, runs: 1 }];
  metrics.watchProcess({ all: [{ away: true }], connections: 8, connectionsMax: 9 }, janitors);
  metrics.batch("shapes", 3);
  metrics.redelivered();
  const wanted: [string, number][] = [
    ["weir_images_held", 1],
    ["weir_images_held_max", 2],
    ["weir_images_decoding", 3],
    ["weir_images_decoding_max", 4],
    ["weir_jobs_in_hand", 5],
    ["weir_maintained_shards", 1],
    ["weir_maintenance_runs_total", 7],
    ["weir_redis_process_connections", 8],
    ["weir_redis_process_connections_max", 9],
    ["weir_redis_breaker_open", 1],
    ["weir_batch_images_sum", 3],
    ["weir_redeliveries_total", 1],
  ];
  const read = await scrape(metrics);
  assert.deepEqual(wanted.map(([name]) => [name, read.value(name)]), wanted);
  batcher.held = 0;
  assert.equal((await scrape(metrics)).value("weir_images_held"), 0);
});
