import assert from "node:assert/strict";
import { assertProblem, assertSees, call, inParallel, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { testWeir } from "./weir.ts";

const PHOTO = await colourPicture([250, 20, 10]);
const WHITE = await colourPicture([255, 255, 255]);

testWeir(
  "jobs of a worker that is killed are done by another, and their second attempt is counted",
  {
    env: {
      WEIR_ENGINE: "null",
      WEIR_NULL_DELAY_MS: "600000",
      WEIR_CLAIM_IDLE_MS: "1000",
      WEIR_LOG_LEVEL: "debug",
    },
  },
  async (weir) => {
    const { url, workers } = weir;
    const accepted = await Promise.all(
      Array.from({ length: 5 }, () => post(`${url}/v1/jobs`, PHOTO.bytes)),
    );
    for (const { body: { id } } of accepted) {
      await workers[0]!.line(new RegExp(`job begun job=${id}`));
    }
    await weir.startWorker({ WEIR_NULL_DELAY_MS: "0" });
    workers[0]!.kill("SIGKILL");
    for (const { body: { id } } of accepted) {
      const { body } = await call(`${url}/v1/jobs/${id}`, { headers: { prefer: "wait=60" } });
      assert.deepEqual({ state: body.state, attempts: body.attempts }, {
        state: "succeeded",
        attempts: 2,
      });
    }
    await weir.assertEmpty();
  },
);

const BATCH = 32;
const ATTEMPTS_MAX = 3;

testWeir(
  "a picture on which workers crash becomes a dead letter, the other 31 of its batch are answered",
  {
    workers: 0,
    env: {
      WEIR_ATTEMPTS_MAX: String(ATTEMPTS_MAX),
      WEIR_CLAIM_IDLE_MS: "1000",
      WEIR_TIMEOUT_MS: "60000",
    },
  },
  async (weir) => {
    const { url, workers } = weir;
    await weir.stopWorker(await weir.startWorker());
    const posting = inParallel(
      BATCH,
      BATCH,
      (i) => post(`${url}/predict`, i === BATCH / 2 ? WHITE.bytes : PHOTO.bytes),
    );
    await weir.untilAdmitted(BATCH);
    const over = posting.then(() => true);
    // As a supervisor does it: one after the other, however they end.
    const batches: string[] = [];
    while (true) {
      const worker = await weir.startWorker(
        // Long enough for all to be decoded; a full batch does not wait.
        { WEIR_BATCH_LINGER_MS: "10000" },
        "e2e/crashing_worker.ts",
      );
      if (await Promise.race([over, worker.ended.then(() => false)])) break;
      worker.killed = true;
      batches.push(await worker.line(/crashing in/));
    }
    assert.deepEqual(batches, [BATCH, 1, 1].map((size) => `crashing in a batch of ${size}`));
    for (const [i, answer] of (await posting).entries()) {
      if (i === BATCH / 2) assertProblem(answer, "job_failed", 500);
      else assertSees(answer.body.predictions, PHOTO);
    }
    const { body: { letters, total } } = await call(`${url}/admin/dead`);
    assert.equal(total, 1);
    assert.deepEqual([letters[0].attempts, letters[0].images], [ATTEMPTS_MAX, 1]);
    assert.equal(workers.length, 1 + ATTEMPTS_MAX + 1);
    await weir.assertEmpty();
  },
);
