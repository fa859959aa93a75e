import assert from "node:assert/strict";
import { systemClock } from "../shared/clock.ts";
import { assertProblem, post } from "./client.ts";
import { kindOf, Load } from "./load.ts";
import { colourPicture } from "./pictures.ts";
import { testWeir } from "./weir.ts";

/** Time that the null engine takes for an image. */
const DELAY_MS = 30;
const BATCH_MAX = 4;
const WAIT_MAX_MS = 400;

/** Without a bound, each of so many clients would wait for all the others: 3 s. */
const CLIENTS = 100;
/** A client that was refused is patient, so that refusing is not all there is to do. */
const PATIENCE_MS = 300;
const UNBOUNDED_MS = CLIENTS * DELAY_MS;

testWeir(
  "more clients than can be served are refused at once, and the others wait no longer than they may",
  {
    env: {
      WEIR_ENGINE: "null",
      WEIR_NULL_DELAY_MS: String(DELAY_MS),
      WEIR_BATCH_MAX: String(BATCH_MAX),
      WEIR_QUEUE_WAIT_MAX_MS: String(WAIT_MAX_MS),
    },
  },
  async (weir, step) => {
    const { bytes } = await colourPicture([250, 20, 10]);
    const load = new Load(CLIENTS, () => post(`${weir.url}/predict`, bytes), {
      refusedPauseMs: PATIENCE_MS,
    });
    // The first to come are all taken: how fast jobs are done is not known yet.
    await load.more(CLIENTS, "200");
    const before = load.answers.length;
    await load.more(50, "200");
    await load.more(1, "at_capacity");

    await step("jobs that nobody waits for are taken all the same", async () => {
      const { status, body } = await post(`${weir.url}/v1/jobs`, bytes);
      assert.equal(status, 202, JSON.stringify(body));
    });

    const began = systemClock.now();
    await load.stop(["200", "at_capacity"]);
    assert(systemClock.now() - began < UNBOUNDED_MS, "no queue is left that is longer");

    const later = load.answers.slice(before);
    await step("those that were taken waited far less than behind everybody", () => {
      const waits = later.filter((answer) => kindOf(answer) === "200").map(({ ms }) => ms).sort(
        (a, b) => a - b,
      );
      const median = waits[Math.floor(waits.length / 2)]!;
      assert(median < UNBOUNDED_MS / 2, `${median} ms`);
      return Promise.resolve();
    });
    await step("those that were refused are told when to come back", () => {
      const refused = later.filter((answer) => kindOf(answer) === "at_capacity");
      assert(refused.length > 0);
      for (const answer of refused) {
        assertProblem(answer, "at_capacity", 503);
        const seconds = Number(answer.headers.get("retry-after"));
        assert(seconds >= 1 && seconds <= UNBOUNDED_MS / 1000, `${seconds} s`);
      }
      return Promise.resolve();
    });
  },
);
