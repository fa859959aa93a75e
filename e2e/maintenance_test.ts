import assert from "node:assert/strict";
import { post } from "./client.ts";
import { colourModels, colourPicture } from "./pictures.ts";
import { until } from "./waiting.ts";
import { KEYS, testWeir } from "./weir.ts";

const PERIOD = { WEIR_MAINTENANCE_MS: "200" };

testWeir(
  "maintenance expires what is overdue, and leaves it in the stream for a worker to drop",
  { env: PERIOD },
  async (weir) => {
    const { redis: { client }, url, workers } = weir;
    const photo = await colourPicture([250, 20, 10]);
    await post(`${url}/predict`, photo.bytes);
    await weir.stopWorker(workers[0]!);
    const accepted = await post(`${url}/v1/jobs`, photo.bytes, { "x-request-timeout-ms": "2000" });
    assert.equal(accepted.status, 202);
    const { id } = accepted.body;
    assert.equal(await client.hget(KEYS.job(id), "state"), "queued");

    await using others = await colourModels("other");
    const elsewhere = await weir.startWorker({ WEIR_MODELS: others.path });
    await elsewhere.line(/maintenance done .*expiredJobs=1/);
    assert.equal(await client.hget(KEYS.job(id), "state"), "expired");
    assert.equal(await client.xlen(KEYS.jobs("colour", 0)), 1);

    await weir.startWorker();
    await until("the entry is dropped", async () => {
      return await client.xlen(KEYS.jobs("colour", 0)) === 0;
    });
    await weir.assertEmpty();
    assert.equal(await client.hget(KEYS.job(id), "state"), "expired");
  },
);

testWeir("maintenance trims old outcomes and keeps new ones", { workers: 0 }, async (weir) => {
  const { redis: { client }, url } = weir;
  const old = KEYS.results("gateway-of-old");
  await client.sadd(KEYS.gateways(), "gateway-of-old");
  // An id of 1970.
  await client.xadd(old, "1-0", "id", "long ago");
  await client.xadd(old, "*", "id", "just now");
  const worker = await weir.startWorker(PERIOD);
  await worker.line(/maintenance done trimmedEvents=1 /);
  const [[, fields]] = await client.xrange(old, "-", "+") as [[string, string[]]];
  assert.deepEqual(fields, ["id", "just now"]);
  const photo = await colourPicture([250, 20, 10]);
  assert.equal((await post(`${url}/predict`, photo.bytes)).status, 200);
});

testWeir(
  "another worker becomes the maintainer when the elected one is killed",
  { workers: 3, env: PERIOD },
  async ({ workers }) => {
    let left = workers;
    while (left.length > 1) {
      const elected = await Promise.any(
        left.map((worker) => worker.line(/elected as maintainer/).then(() => worker)),
      );
      left = left.filter((worker) => worker !== elected);
      elected.kill("SIGKILL");
      await elected.ended;
    }
    await left[0]!.line(/elected as maintainer/);
  },
);
