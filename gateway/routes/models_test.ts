import assert from "node:assert/strict";
import { CARD, keys, MODEL } from "../../shared/testing/broker.ts";
import { openApp, problem } from "../testing/app.ts";

const VIEW = {
  name: MODEL,
  version: "1",
  default: true,
  engine: "wasm",
  input: CARD.input,
  top: 5,
  labels: ["star"],
  readyWorkers: 1,
};

Deno.test("models are listed with their ready workers", async () => {
  await using opened = await openApp();
  const { app, broker } = opened;
  assert.deepEqual(await (await app.request("/v1/models")).json(), { models: [VIEW] });
  assert.deepEqual(await (await app.request(`/v1/models/${MODEL}`)).json(), VIEW);
  await problem(await app.request("/v1/models/imagenet"), 404, "not_found");
  await broker.redis.client.del(keys.beat("w1"));
  const { readyWorkers } = await (await app.request(`/v1/models/${MODEL}`)).json();
  assert.equal(readyWorkers, 0);
});
