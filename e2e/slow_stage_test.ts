/** Time that is lost in one stage is found there: on the page, by `explain`, in trace and metrics. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { freeze } from "../shared/testing/redis.ts";
import { Scrape } from "../shared/testing/scrape.ts";
import { openPage, withoutBrowser } from "./browser.ts";
import { call } from "./client.ts";
import { OtlpReceiver } from "./otlp_receiver.ts";
import { colourPicture } from "./pictures.ts";
import { until } from "./waiting.ts";
import { pausing, printingLog, startWeir, statusUrl, type Weir } from "./weir.ts";

/** Far more than a small job takes in any stage, also on a busy machine. */
const LOST_MS = 4000;

const SMALL = await colourPicture([250, 20, 10]);

/** Sends a photo as people do; gives its job's id as soon as that is accepted. */
type Send = (bytes: Uint8Array) => Promise<string>;

interface Slowness {
  readonly stage: string;
  /** What a person reads. */
  readonly words: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Loses time in the stage; gives the job's id, when it is over or will be soon. */
  readonly lose: (weir: Weir, send: Send) => Promise<string>;
}

/** Runs a test with spans received and a page open, in a Weir of its own. */
function testSlow(name: string, { stage: slowest, words, env, lose }: Slowness): void {
  const fn = async () => {
    await using receiver = new OtlpReceiver();
    const settings = {
      ...receiver.settings,
      WEIR_LOG_LEVEL: "debug",
      WEIR_METRICS_PORT: "0",
      ...env,
    };
    await using weir = await startWeir({ env: settings });
    await using open = await openPage();
    const { page } = open;
    await printingLog(weir, async () => {
      await page.goto(weir.url);
      const id = await lose(weir, (bytes) => choose(page, bytes));
      assert.match(
        await readStory(page),
        new RegExp(`^Succeeded .* (most|all) of it.* ${words}\\.$`),
      );
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
      await page.close();
      await weir.drain();
    });
  };
  Deno.test({ name, ignore: withoutBrowser, fn });
}

async function choose(page: Page, bytes: Uint8Array): Promise<string> {
  const accepted = page.waitForResponse(/\/v1\/jobs$/);
  const file = { name: "photo", mimeType: "image/png", buffer: Buffer.from(bytes) };
  await page.getByLabel("Choose photos").setInputFiles(file);
  return (await (await accepted).json()).id;
}

/** What the page says of the last photo, when that is answered. */
function readStory(page: Page): Promise<string> {
  return page.locator(".photo").first().locator(".story > p").innerText();
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

testSlow("a photo that takes long to decode is slow in decode", {
  stage: "decode",
  words: "decoding its images",
  lose: async (_, send) => {
    // As many pixels as a photo may have, in the format that takes longest to decode.
    const { bytes } = await colourPicture([20, 250, 10], { side: 7000 });
    return await send(await sharp(bytes).avif({ effort: 0 }).toBuffer());
  },
});

testSlow("a job whose worker is busy elsewhere is slow in the queue", {
  stage: "queue",
  words: "waiting for a worker to begin it",
  lose: (weir, send) =>
    pausing(weir, async () => {
      const id = await send(SMALL.bytes);
      await until(`the job has waited ${LOST_MS} ms`, async () => {
        const { body } = await call(`${weir.url}/v1/jobs/${id}/explain`);
        return body.stages.queue > LOST_MS;
      });
      return id;
    }),
});

const NULL = { WEIR_ENGINE: "null", WEIR_NULL_DELAY_MS: String(LOST_MS) };

testSlow("a model that takes long is slow in infer", {
  stage: "infer",
  words: "in the model",
  env: NULL,
  lose: (_, send) => send(SMALL.bytes),
});

testSlow("an outcome that Redis does not take is slow in reply", {
  stage: "reply",
  words: "after the model, until Redis had the outcome",
  env: { ...NULL, WEIR_NULL_DELAY_MS: String(LOST_MS / 8), WEIR_REDIS_TIMEOUT_MS: "60000" },
  lose: async ({ workers: [worker], redis }, send) => {
    // A machine that is so busy that the job is done before Redis stands still gets another try.
    while (true) {
      const from = worker!.lines.length;
      const id = await send(SMALL.bytes);
      await worker!.line(/job begun/, from);
      using _ = await freeze(redis);
      const frozen = !worker!.lines.slice(from).some((line) => /batch done/.test(line));
      await worker!.line(/batch done/, from);
      // The time that is to be found.
      await new Promise((resolve) => setTimeout(resolve, LOST_MS));
      if (frozen) return id;
    }
  },
});
