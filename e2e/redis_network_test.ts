import assert from "node:assert/strict";
import { parseConfig } from "../shared/config.ts";
import { assertProblem, post } from "./client.ts";
import { Load } from "./load.ts";
import { colourPicture } from "./pictures.ts";
import { testWeir } from "./weir.ts";

const { bytes: PHOTO } = await colourPicture([250, 20, 10]);

testWeir(
  "connections that are cut under load are made again, and every client is answered",
  // What a read had been given when its connection broke is silent for so long.
  { proxied: true, env: { WEIR_CLAIM_IDLE_MS: "300" } },
  async (weir) => {
    const { url, proxy } = weir;
    const load = new Load(16, () => post(`${url}/predict`, PHOTO));
    await load.more(20, "200");
    for (let cuts = 0; cuts < 3; cuts++) {
      proxy.cut();
      await load.more(20, "200");
    }
    await load.stop(["200", "busy"]);
    await weir.untilConnected();
    await weir.assertEmpty();
  },
);

testWeir(
  "a network that swallows everything is noticed, and every client is answered",
  {
    proxied: true,
    env: { WEIR_BLOCK_MS: "500", WEIR_REDIS_TIMEOUT_MS: "500", WEIR_CLAIM_IDLE_MS: "300" },
  },
  async (weir) => {
    const { url, proxy } = weir;
    const load = new Load(16, () => post(`${url}/predict`, PHOTO));
    await load.more(20, "200");
    {
      using _ = proxy.halfOpen();
      assertProblem(await post(`${url}/predict`, PHOTO), "busy", 503);
    }
    // The reads that were under way never come back: these are new ones.
    await load.more(20, "200");
    await load.stop(["200", "busy"]);
    await weir.assertEmpty();
  },
);

Deno.test("a network that swallows everything is noticed within 35 s, as settings are", () => {
  const read = parseConfig({});
  assert(read.ok);
  const { WEIR_BLOCK_MS, WEIR_REDIS_TIMEOUT_MS, WEIR_REDIS_HEALTH_MS } = read.config;
  // A blocked read has the watchdog's time; a silent command connection, until it is tried.
  assert(WEIR_BLOCK_MS + 2 * WEIR_REDIS_TIMEOUT_MS <= 35_000);
  assert(WEIR_REDIS_HEALTH_MS + WEIR_REDIS_TIMEOUT_MS <= 35_000);
});
