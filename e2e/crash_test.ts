import assert from "node:assert/strict";
import { call, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { testWeir } from "./weir.ts";

const PHOTO = await colourPicture([250, 20, 10]);

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
