import assert from "node:assert/strict";
import { GROUP } from "../shared/redis/keys.ts";
import { post } from "./client.ts";
import { Load } from "./load.ts";
import { colourPicture } from "./pictures.ts";
import { until } from "./waiting.ts";
import { KEYS, testWeir } from "./weir.ts";

const { bytes: PHOTO } = await colourPicture([250, 20, 10]);

const ENV = { WEIR_REDIS_HEALTH_MS: "300", WEIR_CLAIM_IDLE_MS: "300" };

testWeir(
  "a result stream that is deleted under load is made again, and every client gets its answer",
  { env: ENV },
  async (weir) => {
    const { url, redis: { client }, gateways: [gateway] } = weir;
    const load = new Load(16, () => post(`${url}/predict`, PHOTO));
    await load.more(20, "200");
    const [stream] = await client.keys(KEYS.results("*"));
    for (let round = 0; round < 3; round++) {
      await client.del(stream!);
      await until("it is there again", async () => await client.exists(stream!) === 1);
      await load.more(20, "200");
    }
    await load.stop(["200"]);
    await gateway!.line(/outcomes may have been missed reason="result stream was gone"/);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /^weir_waiters 0$/m);
    // How many outcomes went to a stream that was gone is chance; that they are counted is not.
    assert.match(metrics, /^weir_waiter_fallbacks_total \d+$/m);
    await weir.assertEmpty();
    await weir.untilConnected();
  },
);

testWeir(
  "a consumer group that is destroyed under load is made again, and every job is done",
  { env: ENV },
  async (weir) => {
    const { url, redis: { client } } = weir;
    const load = new Load(16, () => post(`${url}/predict`, PHOTO));
    for (let round = 0; round < 3; round++) {
      await load.more(20, "200");
      await client.xgroup("DESTROY", KEYS.jobs("colour", 0), GROUP);
    }
    await load.more(20, "200");
    await load.stop(["200"]);
    await weir.assertEmpty();
    await weir.untilConnected();
  },
);

testWeir(
  "when all data is flushed under load every client is told so, and service goes on",
  { env: ENV, gateways: 2, workers: 2 },
  async (weir) => {
    const { urls, redis: { client } } = weir;
    let next = 0;
    const load = new Load(16, () => post(`${urls[next++ % 2]}/predict`, PHOTO));
    for (let round = 0; round < 3; round++) {
      await load.more(20, "200");
      await client.flushall();
    }
    await load.more(20, "200");
    await load.stop(["200", "busy"]);
    await weir.assertEmpty();
    await weir.untilConnected();
  },
);
