import assert from "node:assert/strict";
import { newApiKey } from "../gateway/keys/api_key.ts";
import { SocketClient } from "../gateway/testing/socket_client.ts";
import { apiKeys } from "./api_keys.ts";
import { assertSees, call } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { printingLog, startWeir, testWeir } from "./weir.ts";

const PICTURES = await Promise.all(
  ([[250, 20, 10], [10, 200, 30], [30, 0, 220]] as const).map((rgb) => colourPicture(rgb)),
);
const [PHOTO] = PICTURES;
const IMAGES = 60;
const TEXT = new TextEncoder().encode("A photo, honestly.\n");

function socketOf(url: string): string {
  return `${url}/v1/socket`;
}

testWeir("many images in flight are answered each with its own classes", {
  workers: 2,
}, async (weir) => {
  const client = await SocketClient.open(`${socketOf(weir.url)}?model=colour&top=1`);
  for (let i = 0; i < IMAGES; i++) client.send(PICTURES[i % PICTURES.length]!.bytes);
  client.send(TEXT, PHOTO!.bytes);
  const done = await client.until("succeeded", IMAGES + 1);
  for (const { seq, result } of done.filter(({ seq }) => seq! <= IMAGES)) {
    assert.equal(result.predictions.length, 1);
    assertSees(result.predictions, PICTURES[(seq! - 1) % PICTURES.length]!);
  }
  const [error, ...others] = client.told.filter(({ type }) => type === "error");
  assert.deepEqual([error!.seq, error!.code], [IMAGES + 1, "unsupported_media_type"]);
  assert.deepEqual(others, []);

  const accepted = client.told.filter(({ type }) => type === "accepted").map(({ seq }) => seq);
  assert.deepEqual(accepted, accepted.toSorted((a, b) => a! - b!));
  for (const { seq, id } of done) {
    const told = client.told.filter((message) => message.seq === seq);
    assert.deepEqual(
      told.map(({ type }) => type),
      ["accepted", "queued", "running", "prediction", "succeeded"],
    );
    assert(told.every((message) => message.id === id));
  }
  client.send(new Uint8Array(10_485_761));
  assert.equal((await client.closed).code, 1009);
  await weir.assertEmpty();
});

testWeir(
  "a gateway that stops under load answers every image in flight, then closes with 1001",
  { gateways: 1, workers: 1, env: { WEIR_ENGINE: "null", WEIR_NULL_DELAY_MS: "10" } },
  async (weir) => {
    const clients = await Promise.all(
      Array.from({ length: 4 }, () => SocketClient.open(socketOf(weir.url))),
    );
    for (const client of clients) {
      for (let i = 0; i < IMAGES; i++) client.send(PHOTO!.bytes);
    }
    await Promise.all(clients.map((client) => client.until("accepted", IMAGES / 2)));
    weir.gateways[0]!.kill("SIGTERM");
    for (const client of clients) {
      assert.deepEqual(await client.closed, { code: 1001, reason: "the gateway is stopping" });
      const placesOf = (type: string) =>
        client.told.filter((told) => told.type === type).map(({ seq }) => seq!).sort();
      assert.deepEqual(placesOf("succeeded"), placesOf("accepted"));
      const refused = client.told.filter(({ type }) => type === "error");
      assert.deepEqual(
        new Set(refused.map(({ code }) => code)).difference(new Set(["at_capacity"])),
        new Set(),
      );
    }
    assert.equal(await weir.gateways[0]!.code(), 0);
    await weir.assertEmpty();
  },
);

testWeir(
  "images of a worker that is killed are answered by another",
  {
    env: {
      WEIR_ENGINE: "null",
      WEIR_NULL_DELAY_MS: "600000",
      WEIR_CLAIM_IDLE_MS: "1000",
      WEIR_LOG_LEVEL: "debug",
    },
  },
  async (weir) => {
    const client = await SocketClient.open(socketOf(weir.url));
    for (let i = 0; i < 5; i++) client.send(PHOTO!.bytes);
    await client.until("running");
    weir.workers[0]!.kill("SIGKILL");
    await weir.startWorker({ WEIR_NULL_DELAY_MS: "0" });
    const done = await client.until("succeeded", 5);
    assert.deepEqual(done.map(({ seq }) => seq).sort(), [1, 2, 3, 4, 5]);
    assert(done.some(({ attempts }) => attempts === 2));
    await client.close();
  },
);

Deno.test("two keys have sockets of their own, and a wrong one has none", async () => {
  await using given = await apiKeys({ ada: "client", bob: "client" });
  const { file, keys: { ada, bob } } = given;
  const env = { WEIR_API_KEYS_FILE: file, WEIR_LOG_LEVEL: "debug" };
  await using weir = await startWeir({ env });
  await printingLog(weir, async () => {
    const url = socketOf(weir.url);
    const ids = await Promise.all([ada, bob].map(async (key) => {
      const client = await SocketClient.open(url, { protocols: ["weir", `weir.key.${key}`] });
      client.send(PHOTO!.bytes);
      const [done] = await client.until("succeeded");
      assertSees(done!.result.predictions, PHOTO!);
      await client.close();
      return done!.id;
    }));
    const headers = { authorization: `Bearer ${ada}` };
    const statuses = await Promise.all(
      ids.map(async (id) => (await call(`${weir.url}/v1/jobs/${id}`, { headers })).status),
    );
    assert.deepEqual(statuses, [200, 404]);
    const stranger = await SocketClient.open(url, {
      protocols: ["weir", `weir.key.${newApiKey()}`],
    });
    assert.equal((await stranger.closed).code, 1008);
    const { status } = await call(url, { headers: { authorization: `Bearer ${newApiKey()}` } });
    assert.equal(status, 401);
    await weir.drain();
    for (const key of [ada, bob]) assert(!weir.log().includes(key.slice("weir_".length)));
  });
});
