/** Time that is lost in one stage is found there: by `explain`, in the trace and in the metrics. */
import assert from "node:assert/strict";
import sharp from "sharp";
import { freeze } from "../shared/testing/redis.ts";
import { Scrape } from "../shared/testing/scrape.ts";
import { call, post } from "./client.ts";
import { OtlpReceiver } from "./otlp_receiver.ts";
import { colourPicture } from "./pictures.ts";
import { until } from "./waiting.ts";
import { pausing, printingLog, startWeir, statusUrl, type Weir } from "./weir.ts";

/** Far more than a small job takes in any stage, also on a busy machine. */
const LOST_MS = 4000;

const SMALL = await colourPicture([250, 20, 10]);

/** Runs a test with spans received, in a Weir of its own. */
function testSlow(
  name: string,
  env: Readonly<Record<string, string>>,
  body: (weir: Weir) => Promise<{ readonly id: string; readonly slowest: string }>,
): void {
  Deno.test(name, async () => {
    await using receiver = new OtlpReceiver();
    const settings = {
      ...receiver.settings,
      WEIR_LOG_LEVEL: "debug",
      WEIR_METRICS_PORT: "0",
      ...env,
    };
    await using weir = await startWeir({ env: settings });
    await printingLog(weir, async () => {
      const { id, slowest } = await body(weir);
      const { body: story } = await call(`${weir.url}/v1/jobs/${id}/explain`);
      assert.equal(story.job.state, "succeeded");
      assert.equal(story.slowest, slowest, JSON.stringify(story.stages));
      const stages = Object.keys(story.stages).filter((stage) => story.stages[stage] > 0);
      const spans = await receiver.trace(story.traceId, "process colour", "reply");
      const [longest] = spans.filter(({ name }) => stages.includes(name))
        .sort((a, b) => b.ms - a.ms);
      assert.equal(longest!.name, slowest);
      // Two clocks, of which Redis' knows whole milliseconds.
      assert(Math.abs(longest!.ms - story.stages[slowest]) < 0.2 * LOST_MS);
      assert.equal(await slowestMeasured(weir), slowest);
      await weir.drain();
    });
  });
}

/** The stage in which the only worker's jobs lost most time, if it was about as much as was lost. */
async function slowestMeasured(weir: Weir): Promise<string | undefined> {
  const scrape = await Scrape.of(await statusUrl(weir.workers[0]!));
  const name = "weir_job_stage_seconds";
  const stages = scrape.labels(`${name}_sum`, "stage").filter((stage) => stage !== "total");
  const seconds = (stage: string) => scrape.value(`${name}_sum`, { stage })!;
  const slowest = stages.sort((a, b) => seconds(b) - seconds(a))[0]!;
  const total = scrape.value(`${name}_sum`, { stage: "total" })!;
  assert(seconds(slowest) > total / 2, `${slowest}: ${seconds(slowest)} of ${total} s`);
  return slowest;
}

/** Waits until a job has been followed to its end. */
async function finished(weir: Weir, id: string): Promise<void> {
  const { body } = await call(`${weir.url}/v1/jobs/${id}`, { headers: { prefer: "wait=60" } });
  assert.equal(body.state, "succeeded");
}

testSlow("a photo that takes long to decode is slow in decode", {}, async (weir) => {
  // As many pixels as a photo may have, in the format that takes longest to decode.
  const { bytes } = await colourPicture([20, 250, 10], { side: 7000 });
  const slow = new Uint8Array(await sharp(bytes).avif({ effort: 0 }).toBuffer());
  const { body } = await post(`${weir.url}/v1/jobs`, slow, { prefer: "wait=60" });
  return { id: body.id, slowest: "decode" };
});

testSlow("a job whose worker is busy elsewhere is slow in the queue", {}, async (weir) => {
  const id = await pausing(weir, async () => {
    const { body: { id } } = await post(`${weir.url}/v1/jobs`, SMALL.bytes);
    await until(`the job has waited ${LOST_MS} ms`, async () => {
      const { body } = await call(`${weir.url}/v1/jobs/${id}/explain`);
      return body.stages.queue > LOST_MS;
    });
    return id;
  });
  await finished(weir, id);
  return { id, slowest: "queue" };
});

const NULL = { WEIR_ENGINE: "null", WEIR_NULL_DELAY_MS: String(LOST_MS) };

testSlow("a model that takes long is slow in infer", NULL, async (weir) => {
  const { body } = await post(`${weir.url}/v1/jobs`, SMALL.bytes, { prefer: "wait=60" });
  return { id: body.id, slowest: "infer" };
});

testSlow(
  "an outcome that Redis does not take is slow in reply",
  { ...NULL, WEIR_NULL_DELAY_MS: String(LOST_MS / 8), WEIR_REDIS_TIMEOUT_MS: "60000" },
  async (weir) => {
    const [worker] = weir.workers;
    // A machine that is so busy that the job is done before Redis stands still gets another try.
    while (true) {
      const from = worker!.lines.length;
      const { body: { id } } = await post(`${weir.url}/v1/jobs`, SMALL.bytes);
      await worker!.line(/job begun/, from);
      let frozen: boolean;
      {
        using _ = await freeze(weir.redis);
        frozen = !worker!.lines.slice(from).some((line) => /batch done/.test(line));
        await worker!.line(/batch done/, from);
        // The time that is to be found.
        await new Promise((resolve) => setTimeout(resolve, LOST_MS));
      }
      await finished(weir, id);
      if (frozen) return { id, slowest: "reply" };
    }
  },
);
