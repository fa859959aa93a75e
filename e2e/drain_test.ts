import assert from "node:assert/strict";
import { call, inParallel, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { GROUP } from "../shared/redis/keys.ts";
import { until } from "./waiting.ts";
import { KEYS, testWeir, type Weir } from "./weir.ts";

const PHOTO = await colourPicture([250, 20, 10]);

function slow(delayMs: number): Record<string, string> {
  return { WEIR_ENGINE: "null", WEIR_NULL_DELAY_MS: String(delayMs), WEIR_BATCH_MAX: "8" };
}

testWeir(
  "a worker that is told to stop under load finishes what it has begun, and nothing is lost",
  { workers: 2, env: slow(5) },
  async (weir) => {
    const { url, workers } = weir;
    const [leaving] = workers;
    let answered = 0;
    const answers = await inParallel(400, 32, async () => {
      const answer = await post(`${url}/v1/jobs`, PHOTO.bytes, { prefer: "wait=60" });
      if (++answered === 100) leaving!.kill("SIGTERM");
      return answer;
    });
    for (const { status, body } of answers) {
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual({ state: body.state, attempts: body.attempts }, {
        state: "succeeded",
        attempts: 1,
      });
    }
    assert.equal(await leaving!.code(), 0);
    await weir.assertEmpty();
  },
);

testWeir("jobs that no worker is there for wait for the next one", {}, async (weir) => {
  await post(`${weir.url}/predict`, PHOTO.bytes);
  await weir.stopWorker(weir.workers[0]!);
  const answers = Array.from({ length: 10 }, () => post(`${weir.url}/predict`, PHOTO.bytes));
  await weir.untilAdmitted(answers.length);
  await weir.startWorker();
  for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
});

testWeir(
  "a gateway that is told to stop answers those who wait, and takes nobody else",
  { gateways: 2, env: { WEIR_DRAIN_DELAY_MS: "100" } },
  async (weir) => {
    const { urls: [url, other], gateways: [leaving], workers } = weir;
    await weir.stopWorker(workers[0]!);
    const answers = Array.from({ length: 20 }, () => post(`${url}/predict`, PHOTO.bytes));
    await weir.untilAdmitted(answers.length);
    leaving!.kill("SIGTERM");
    await weir.startWorker();
    for (const { status, body } of await Promise.all(answers)) {
      assert.equal(status, 200, JSON.stringify(body));
    }
    assert.equal(await leaving!.code(), 0);
    await assert.rejects(post(`${url}/predict`, PHOTO.bytes));
    assert.equal((await post(`${other}/predict`, PHOTO.bytes)).status, 200);
  },
);

const HOUR_MS = "3600000";

testWeir(
  "a gateway that is told to stop serves on at first, and says that it is not ready",
  {},
  async (weir) => {
    const leaving = await weir.startGateway({ WEIR_DRAIN_DELAY_MS: HOUR_MS });
    const url = weir.urls.at(-1)!;
    leaving.kill("SIGTERM");
    await leaving.line(/gateway leaving/);
    const { status, body } = await call(`${url}/readyz`);
    assert.deepEqual([status, body.code], [503, "at_capacity"]);
    assert.equal((await post(`${url}/predict`, PHOTO.bytes)).status, 200);
    leaving.kill("SIGKILL");
    await leaving.ended;
  },
);

testWeir(
  "what a worker cannot finish before its time to drain is over, another one answers at once",
  {
    env: {
      ...slow(600_000),
      WEIR_DRAIN_MS: "100",
      WEIR_LOG_LEVEL: "debug",
      // Nothing but being handed back brings a job to a worker that waits.
      WEIR_CLAIM_IDLE_MS: HOUR_MS,
      WEIR_BLOCK_MS: HOUR_MS,
    },
  },
  async (weir) => {
    const { url, redis: { client }, workers: [stuck] } = weir;
    // More than a worker holds: some it never reads.
    const answers = Array.from(
      { length: 20 },
      () => post(`${url}/v1/jobs`, PHOTO.bytes, { prefer: "wait=60" }),
    );
    await weir.untilAdmitted(answers.length);
    await stuck!.line(/job begun/);
    await weir.startWorker({ WEIR_NULL_DELAY_MS: "0" });
    stuck!.kill("SIGTERM");
    for (const { status, body } of await Promise.all(answers)) {
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual([body.state, body.attempts], ["succeeded", 1]);
    }
    await stuck!.line(/jobs handed back queued=\d+/);
    assert.equal(await stuck!.code(), 0);
    await weir.assertEmpty();
    const consumers = await client.xinfo("CONSUMERS", KEYS.jobs("colour", 0), GROUP);
    assert.equal((consumers as unknown[]).length, 1, "the one that is left");
  },
);

for (const role of ["gateway", "worker"] as const) {
  testWeir(`a second signal ends a ${role} at once`, { env: stuck(600_000) }, async (weir) => {
    const process = weir[`${role}s`][0]!;
    const { answer } = await startLongJob(weir);
    // Two signals in a row may arrive as one.
    await until(`${role} is gone`, () => {
      process.kill("SIGTERM");
      return Promise.resolve(process.over);
    });
    assert.equal(await process.code(), 1);
    for (const each of [...weir.gateways, ...weir.workers]) each.kill("SIGKILL");
    await answer;
  });

  testWeir(`a ${role} whose time to drain is over ends`, { env: stuck(300) }, async (weir) => {
    const process = weir[`${role}s`][0]!;
    const { answer } = await startLongJob(weir);
    process.kill("SIGTERM");
    assert.equal(await process.code(), 0);
    for (const each of [...weir.gateways, ...weir.workers]) each.kill("SIGKILL");
    await answer;
  });
}

/** Settings of a Weir whose jobs nobody lives to see the end of. */
function stuck(drainMs: number): Record<string, string> {
  return { ...slow(600_000), WEIR_DRAIN_MS: String(drainMs), WEIR_LOG_LEVEL: "debug" };
}

/** Has a job running, for which a client waits, whatever becomes of it. */
async function startLongJob({ url, workers }: Weir): Promise<{ answer: Promise<unknown> }> {
  const answer = post(`${url}/predict`, PHOTO.bytes).catch(() => undefined);
  await workers[0]!.line(/job begun/);
  return { answer };
}
