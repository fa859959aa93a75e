import assert from "node:assert/strict";
import type { JobId } from "../shared/job.ts";
import { assertSees, inParallel, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { until } from "./waiting.ts";
import { KEYS, testWeir, type Weir } from "./weir.ts";

const POSTS = 2000;
const CLIENTS = 32;

/** 48 kB each: 2,000 of them in Redis could not be overlooked. */
const PICTURES = await Promise.all(
  ([[250, 20, 10], [10, 200, 30], [30, 0, 220], [90, 90, 90]] as const)
    .map((rgb) => colourPicture(rgb, { side: 128, compressed: false })),
);

/** A deadline that no machine misses, and soon after it a record goes. */
const ENV = { WEIR_RESULT_TTL_MS: "500", WEIR_TIMEOUT_MS: "15000", WEIR_LOG_LEVEL: "debug" };

const MEMORY_BACK_BYTES = 5 * 1024 * 1024;

async function usedMemory({ redis: { client } }: Weir): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await client.info("memory"))![1]);
}

testWeir(
  "2,000 posts through 2 gateways to 4 workers: each is run once, answered, and forgotten",
  { gateways: 2, workers: 4, env: ENV },
  async (weir, step) => {
    const { redis: { client }, urls, workers } = weir;
    const before = await usedMemory(weir);

    await step("each is answered with its own photo's classes, at the first attempt", async () => {
      const answers = await inParallel(
        POSTS,
        CLIENTS,
        (i) =>
          post(`${urls[i % 2]}/v1/jobs`, PICTURES[i % PICTURES.length]!.bytes, {
            prefer: "wait=60",
          }),
      );
      answers.forEach(({ status, body }, i) => {
        assert.equal(status, 200, JSON.stringify(body));
        assert.equal(body.state, "succeeded");
        assert.equal(body.attempts, 1);
        assertSees(body.result.predictions, PICTURES[i % PICTURES.length]!);
      });
      assert.equal(new Set(answers.map(({ body }) => body.id)).size, POSTS);
    });

    await step("no job was begun twice, and every worker had a share", () => {
      const begun = workers.map(({ lines }) =>
        lines.flatMap((line) => / job begun job=(\S+)/.exec(line)?.[1] ?? [])
      );
      assert.equal(begun.flat().length, POSTS);
      assert.equal(new Set(begun.flat()).size, POSTS);
      begun.forEach((jobs, i) => assert(jobs.length > 0, `jobs of worker ${i + 1}`));
      return Promise.resolve();
    });

    await step("streams, pending lists and counters are empty", () => weir.assertEmpty());

    await step("with their records Redis has its memory back", async () => {
      const records = KEYS.job("*" as JobId);
      await until("no record is left", async () => (await client.keys(records)).length === 0);
      await until(
        "memory is back",
        async () => await usedMemory(weir) < before + MEMORY_BACK_BYTES,
      );
    });
  },
);
