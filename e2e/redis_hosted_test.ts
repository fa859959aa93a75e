import assert from "node:assert/strict";
import { freePort } from "../shared/redis_server.ts";
import { fieldsOf } from "../shared/redis/record.ts";
import { Scrape } from "../shared/testing/scrape.ts";
import { assertSees, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { testWeir } from "./weir.ts";

const ADDRESS = { port: freePort(), password: "tests" };

/** What hosted ones refuse, so that nobody disturbs their other tenants. */
const REFUSED = ["config", "info", "client"];

const HOSTED = {
  redis: {
    address: ADDRESS,
    settings: {
      user: `hosted on >secret ~* +@all ${REFUSED.map((name) => `-${name}`).join(" ")}`,
    },
  },
  env: {
    REDIS_URL: `redis://hosted:secret@127.0.0.1:${ADDRESS.port}`,
    // Whoever waits for the end of a blocked read waits in vain.
    WEIR_BLOCK_MS: "600000",
    WEIR_DRAIN_MS: "600000",
  },
};

testWeir(
  "a redis that refuses CONFIG, INFO and CLIENT is good enough, also for a worker to drain",
  HOSTED,
  async (weir) => {
    const photo = await colourPicture([250, 20, 10]);
    const assertAnswered = async () => {
      const { status, body } = await post(`${weir.url}/predict`, photo.bytes);
      assert.equal(status, 200, JSON.stringify(body));
      assertSees(body.predictions, photo);
    };
    await assertAnswered();
    await weir.stopWorker(weir.workers[0]!);
    await weir.startWorker();
    await assertAnswered();
    await weir.assertEmpty();
    const scrape = await Scrape.of(weir.url);
    assert.equal(scrape.value("weir_workers", { model: "colour" }), 1);
    assert.equal(scrape.value("weir_redis_commands_total"), undefined);
    const refusals = await weir.redis.client.acl("LOG") as unknown as string[][];
    const refused = new Set(refusals.map((fields) => fieldsOf(fields).object!.replace(/\|.*/, "")));
    assert.deepEqual(refused, new Set(["client", "info"]), "what is asked for, and done without");
  },
);
