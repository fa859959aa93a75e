import assert from "node:assert/strict";
import { assertProblem, call, post } from "./client.ts";
import { Load } from "./load.ts";
import { colourPicture } from "./pictures.ts";
import { until } from "./waiting.ts";
import { testWeir } from "./weir.ts";

const { bytes: PHOTO } = await colourPicture([250, 20, 10]);

testWeir(
  "while redis is a replica that takes no writes clients are told busy, and afterwards all is well",
  { env: { WEIR_CLAIM_IDLE_MS: "300" } },
  async (weir) => {
    const { url, redis: { client } } = weir;
    const load = new Load(8, () => post(`${url}/predict`, PHOTO));
    await load.more(20, "200");
    // Of a master that nobody will ever reach.
    await client.replicaof("127.0.0.1", 1);
    for (let i = 0; i < 3; i++) {
      assertProblem(await post(`${url}/predict`, PHOTO), "busy", 503);
    }
    await client.replicaof("NO", "ONE");
    await load.more(20, "200");
    await load.stop(["200", "busy"]);
    await weir.assertEmpty();
    await weir.untilConnected();
  },
);

testWeir(
  "while redis' memory is used up what was accepted is done, and nothing else is taken",
  { redis: { settings: { "maxmemory-policy": "noeviction" } } },
  async (weir, step) => {
    const { url, redis: { client }, workers: [worker] } = weir;
    await post(`${url}/predict`, PHOTO);
    worker!.kill("SIGSTOP");
    const waiting = Promise.all(
      Array.from({ length: 8 }, () => post(`${url}/predict`, PHOTO)),
    );
    const short = post(`${url}/predict`, PHOTO, { "x-request-timeout-ms": "1000" });
    // Where the test fails before, nobody asks for these any more.
    for (const answer of [waiting, short]) answer.catch(() => {});
    const { body: { id } } = await post(`${url}/v1/jobs`, PHOTO);
    await weir.untilAdmitted(10);
    await client.config("SET", "maxmemory", 1);

    await step("a submit is told so", async () => {
      for (const path of ["/predict", "/v1/jobs"]) {
        const answer = await post(url + path, PHOTO);
        assertProblem(answer, "at_capacity", 503);
        assert.equal(
          answer.body.detail,
          "Service is currently at capacity, please try again later",
        );
      }
    });

    await step("jobs that wait can be cancelled, and expire", async () => {
      const { status, body } = await call(`${url}/v1/jobs/${id}`, { method: "DELETE" });
      assert.deepEqual([status, body.state], [200, "cancelled"]);
      assertProblem(await short, "deadline_exceeded", 504);
    });

    await step("they are done, and leave nothing", async () => {
      worker!.kill("SIGCONT");
      for (const { status, body } of await waiting) {
        assert.equal(status, 200, JSON.stringify(body));
      }
      await weir.untilAdmitted(0);
      await weir.assertEmpty();
      assertProblem(await post(`${url}/predict`, PHOTO), "at_capacity", 503);
    });

    await step("with memory again, photos are answered", async () => {
      await client.config("SET", "maxmemory", 0);
      assert.equal((await post(`${url}/predict`, PHOTO)).status, 200);
      await weir.assertEmpty();
    });
  },
);

testWeir(
  "while redis takes no more connections clients are told so, and afterwards all is well",
  {},
  async (weir) => {
    const { url, redis: { client } } = weir;
    assert.equal((await post(`${url}/predict`, PHOTO)).status, 200);
    await client.config("SET", "maxclients", 1);
    await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await until("clients are told so", async () => {
      return (await post(`${url}/predict`, PHOTO)).body.code === "at_capacity";
    });
    for (let i = 0; i < 5; i++) {
      assertProblem(await post(`${url}/predict`, PHOTO), "at_capacity", 503);
    }
    await client.config("SET", "maxclients", 100);
    await until("a photo is answered again", async () => {
      return (await post(`${url}/predict`, PHOTO)).status === 200;
    });
    await weir.untilConnected();
  },
);
