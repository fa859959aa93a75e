/** Both roles scraped as Prometheus does it. */
import assert from "node:assert/strict";
import { Scrape } from "../shared/testing/scrape.ts";
import { call, form, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { assertPromtool, withoutPromtool } from "./promtool.ts";
import { until } from "./waiting.ts";
import { pausing, statusUrl, testWeir, type Weir } from "./weir.ts";

const { bytes: PHOTO } = await colourPicture([250, 20, 10]);
const STAGES = ["decode", "infer", "queue", "reply", "total", "wait"];

/** What the first gateway and the first worker say. */
async function scrapes(weir: Weir): Promise<readonly [gateway: Scrape, worker: Scrape]> {
  return [await Scrape.of(weir.url), await Scrape.of(await statusUrl(weir.workers[0]!))];
}

testWeir(
  "each role is scraped, and together they count every job once:",
  { env: { WEIR_METRICS_PORT: "0", WEIR_MAINTENANCE_MS: "200" } },
  async (weir, step) => {
    await step("jobs, their stages and their batches", async () => {
      for (let i = 0; i < 3; i++) {
        assert.equal((await post(`${weir.url}/predict`, PHOTO)).status, 200);
      }
      await post(`${weir.url}/predict`, form(PHOTO, PHOTO));
      await post(`${weir.url}/v1/jobs`, PHOTO.slice(0, PHOTO.length / 2), { prefer: "wait=60" });
      await pausing(weir, async () => {
        const { body: { id } } = await post(`${weir.url}/v1/jobs`, PHOTO);
        await weir.untilAdmitted(1);
        assert.equal((await call(`${weir.url}/v1/jobs/${id}`, { method: "DELETE" })).status, 200);
        const waiting = await Scrape.of(weir.url);
        assert.equal(waiting.value("weir_queue_jobs", { model: "colour" }), 1);
        assert(waiting.value("weir_oldest_job_seconds", { model: "colour" })! > 0);
      });
      await weir.untilAdmitted(0);
      const [gateway, worker] = await scrapes(weir);
      const model = "colour";
      assert.equal(gateway.value("weir_jobs_submitted_total", { model }), 6);
      const finished = (role: Scrape, state: string) =>
        role.value("weir_jobs_finished_total", { model, state });
      assert.equal(finished(worker, "succeeded"), 4);
      assert.equal(finished(worker, "failed"), 1);
      assert.equal(finished(gateway, "cancelled"), 1);
      assert.equal(finished(worker, "cancelled"), undefined);
      const stage = (name: string) => worker.value("weir_job_stage_seconds_count", { stage: name });
      assert.deepEqual(worker.labels("weir_job_stage_seconds_count", "stage"), STAGES);
      assert.equal(stage("total"), 5);
      assert.equal(stage("decode"), 5);
      assert.equal(stage("infer"), 4, "a damaged photo never got to the model");
      assert.equal(worker.value("weir_batch_images_sum", { model }), 5);
      assert.equal(worker.value("weir_redeliveries_total"), 0);
      assert.equal(worker.value("weir_jobs_in_hand"), 0);
      assert.equal(worker.value("weir_images_held"), 0);
      assert.equal(worker.value("weir_images_decoding"), 0);
    });

    await step("queues, workers and Redis, as any gateway tells them", async () => {
      // A look at Redis is for all who want one within a second.
      await until("the queue is empty", async () => {
        return (await Scrape.of(weir.url)).value("weir_queue_jobs", { model: "colour" }) === 0;
      });
      const [gateway, worker] = await scrapes(weir);
      assert.equal(gateway.value("weir_oldest_job_seconds", { model: "colour" }), 0);
      assert.equal(gateway.value("weir_workers", { model: "colour" }), 1);
      assert.equal(gateway.value("weir_gateways"), 1);
      assert(gateway.value("weir_redis_commands_total")! > 10);
      assert(gateway.value("weir_redis_connections")! >= 4);
      assert.equal(gateway.value("weir_redis_process_connections"), 2);
      assert.equal(worker.value("weir_redis_process_connections"), 3);
      for (const role of [gateway, worker]) {
        assert(role.value("weir_redis_call_seconds_count")! > 0);
        assert.equal(role.value("weir_redis_breaker_open"), 0);
        assert(role.value("process_cpu_seconds_total")! > 0);
      }
    });

    await step("the one worker is the maintainer", async () => {
      const [worker] = weir.workers;
      await worker!.line(/elected as maintainer/);
      await until(
        "it says so",
        async () => (await scrapes(weir))[1].value("weir_maintained_shards") === 1,
      );
    });

    await step("no client makes a name of its own", async () => {
      for (const odd of ["strange", "stranger"]) {
        await post(`${weir.url}/predict?model=${odd}`, PHOTO);
        await call(`${weir.url}/${odd}`);
        await call(`${weir.url}/v1/jobs/${odd}`);
      }
      for (const { text } of await scrapes(weir)) assert.doesNotMatch(text, /strange/);
    });

    await step("a worker says that it lives, and takes jobs", async () => {
      const url = await statusUrl(weir.workers[0]!);
      assert.deepEqual((await call(`${url}/healthz`)).body, { alive: true });
      assert.deepEqual((await call(`${url}/readyz`)).body, { ready: true });
      assert.equal(new URL(url).hostname, "127.0.0.1");
    });

    if (withoutPromtool) return;
    await step("prometheus' own checker finds no fault with either", async () => {
      for (const { text } of await scrapes(weir)) await assertPromtool(["check", "metrics"], text);
    });
  },
);
