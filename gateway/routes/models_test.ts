import assert from "node:assert/strict";
import { announceWorker, CARD, keys, MODEL } from "../../shared/testing/broker.ts";
import { openApp, problem } from "../testing/app.ts";

const VIEW = {
  name: MODEL,
  version: "1",
  default: true,
  engine: "wasm",
  input: CARD.input,
  output: CARD.output,
  top: 5,
  labels: ["star"],
  readyWorkers: 1,
  versions: [{ version: "1", readyWorkers: 1 }],
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

Deno.test("a model that is offered no more is not listed, and takes no jobs", async () => {
  await using opened = await openApp();
  const { app, broker, post } = opened;
  const other = { ...CARD, name: "imagenet", default: false };
  const { shard, redis: { client } } = broker;
  await announceWorker(shard, { worker: "w2", models: [other] });
  await client.del(keys.offered(MODEL));
  const { models } = await (await app.request("/v1/models")).json();
  assert.deepEqual(models.map(({ name }: { name: string }) => name), ["imagenet"]);
  await problem(await post(`/v1/jobs?model=${MODEL}`), 404, "not_found");
  assert.equal((await post("/v1/jobs?model=imagenet")).status, 202);
});
