import assert from "node:assert/strict";
import { RedisServer } from "../shared/redis_server.ts";
import { freeze } from "../shared/testing/redis.ts";
import { assertProblem, assertSees, call, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { tempFolder } from "./temp_folder.ts";
import { until } from "./waiting.ts";
import { printingLog, startWeir, testWeir, type Weir } from "./weir.ts";

const PHOTO = await colourPicture([250, 20, 10]);

/** Generous: what is asserted is that nobody waits for Redis to come back. */
const REFUSAL_MAX_MS = 10_000;

/** Asserts what a gateway says while Redis is away. */
async function assertBusy({ url }: Weir): Promise<void> {
  const signal = AbortSignal.timeout(REFUSAL_MAX_MS);
  const answers = await Promise.all(
    Array.from(
      { length: 4 },
      () => call(`${url}/predict`, { method: "POST", body: PHOTO.bytes, signal }),
    ),
  );
  for (const answer of answers) {
    assertProblem(answer, "busy", 503);
    assert.equal(answer.body.detail, "Server busy, please retry your request");
  }
  assertProblem(await call(`${url}/v1/jobs/0-00000000-0000-4000-8000-000000000000`), "busy", 503);
  assert.equal((await call(`${url}/healthz`)).status, 200);
  assertProblem(await call(`${url}/readyz`), "busy", 503);
}

/** Waits until photos are answered again. */
async function untilBack({ url }: Weir): Promise<void> {
  await until("a photo is answered again", async () => {
    const { status, body } = await post(`${url}/predict`, PHOTO.bytes);
    if (status === 503) return false;
    assert.equal(status, 200, JSON.stringify(body));
    assertSees(body.predictions, PHOTO);
    return true;
  });
  await until("a worker is known again", async () => (await call(`${url}/readyz`)).status === 200);
}

testWeir("while Redis hangs, clients are refused at once; then it goes on", {}, async (weir) => {
  assert.equal((await post(`${weir.url}/predict`, PHOTO.bytes)).status, 200);
  {
    using _ = await freeze(weir.redis);
    await assertBusy(weir);
  }
  await untilBack(weir);
});

for (const [state, kept] of [["with its data", true], ["having lost its data", false]] as const) {
  Deno.test(`when Redis comes back ${state}, photos are answered again`, async () => {
    await using folder = await tempFolder();
    await using outliving = new AsyncDisposableStack();
    const data = kept ? { folder: folder.path } : {};
    await using weir = await startWeir({ redis: data, env: { WEIR_REDIS_HEALTH_MS: "1000" } });
    await printingLog(weir, async () => {
      const { client, server } = weir.redis;
      // It speaks of every attempt to reconnect.
      client.on("error", () => {});
      assert.equal((await post(`${weir.url}/predict`, PHOTO.bytes)).status, 200);
      await server[Symbol.asyncDispose]();
      await assertBusy(weir);
      const { address } = server;
      outliving.use(await RedisServer.start({ executable: "redis-server", address, ...data }));
      await untilBack(weir);
      await weir.drain();
    });
  });
}
