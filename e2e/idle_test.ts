import assert from "node:assert/strict";
import { LANES } from "../shared/redis/keys.ts";
import { connectionsNamed, monitor } from "../shared/testing/redis.ts";
import { post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { testWeir } from "./weir.ts";

const CLIENTS = 100;

/** The null engine takes this time for each job of a batch: 5 s for all. */
const DELAY_MS = 50;

testWeir(
  "100 waiting clients cost Redis nothing between their jobs' begin and end",
  {
    workers: 1,
    env: {
      WEIR_ENGINE: "null",
      WEIR_NULL_DELAY_MS: String(DELAY_MS),
      // All of one lane in the first read, which asks each lane for its share of two batches.
      WEIR_BATCH_MAX: String(LANES / 2 * CLIENTS),
      WEIR_BLOCK_MS: "1000",
    },
  },
  async (weir) => {
    const { redis: { client }, url } = weir;
    const photo = await colourPicture([250, 20, 10]);
    await post(`${url}/predict`, photo.bytes);
    await weir.stopWorker(weir.workers[0]!);
    const answers = Array.from({ length: CLIENTS }, () => post(`${url}/predict`, photo.bytes));
    await weir.untilAdmitted(CLIENTS);
    const connections = await connectionsNamed(client, /^weir:gateway:/);
    const gateways = new Set(connections.map(({ addr }) => addr!));
    assert.equal(gateways.size, 2, "connections of a gateway, whoever waits in it");

    using kept = await monitor(client);
    await weir.startWorker();
    for (const { status, body } of await Promise.all(answers)) {
      assert.equal(status, 200);
      assert.deepEqual(body.predictions, []);
    }

    const { commands } = kept;
    const begun = commands.findLastIndex(({ name, args }) =>
      name === "hset" && args.includes("running")
    );
    const ended = commands.findIndex(({ name }) => name === "xack");
    assert(begun >= 0 && begun < ended, `all are begun (${begun}) before one has ended (${ended})`);
    const seconds = commands[ended]!.at - commands[begun]!.at;
    assert(seconds >= CLIENTS * DELAY_MS / 1000 * 0.9, `${seconds} s in between`);

    const between = commands.slice(begun + 1, ended).filter(({ source }) => source !== "lua");
    assert(between.length < CLIENTS / 2, between.map(({ name }) => name).join(" "));
    const fromGateway = between.filter(({ source }) => gateways.has(source));
    assert(fromGateway.length > 0, "the blocked read is renewed");
    assert.deepEqual(new Set(fromGateway.map(({ name }) => name)), new Set(["xread"]));
  },
);
