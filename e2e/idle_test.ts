import assert from "node:assert/strict";
import { SLOT_MS } from "../gateway/dashboard/sample.ts";
import { LOOKS_FOR_ALL } from "../shared/redis/inventory.ts";
import { LANES } from "../shared/redis/keys.ts";
import { type Command, connectionsNamed, monitor } from "../shared/testing/redis.ts";
import { post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { until } from "./waiting.ts";
import { KEYS, NOTE_COMMANDS, testWeir } from "./weir.ts";

const CLIENTS = 100;

/** Whether it takes the maintainer's lease: of the scripts, no other has its key alone. */
function isElection({ name, args }: Command): boolean {
  return name.startsWith("eval") && args[1] === "1" && args[2] === KEYS.maintainer();
}

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
    // Besides, whoever waits, the gateway notes every ten seconds how the jobs fare.
    const noted = fromGateway.filter(({ name }) => name !== "xread");
    const notes = 1 + Math.ceil(1000 * seconds / SLOT_MS);
    assert(noted.length <= NOTE_COMMANDS * notes, noted.map(({ name }) => name).join(" "));
  },
);

testWeir(
  "an idle worker, and maintenance of what is idle, ask plain commands alone",
  {
    env: {
      WEIR_ENGINE: "null",
      WEIR_BLOCK_MS: "250",
      WEIR_CLAIM_IDLE_MS: "500",
      WEIR_MAINTENANCE_MS: "200",
    },
  },
  async ({ redis: { client } }) => {
    // What a gateway's stream begins with is trimmed when it is a minute old.
    for (const gateway of await client.smembers(KEYS.gateways())) {
      await client.xtrim(KEYS.results(gateway), "MAXLEN", 0);
    }
    using kept = await monitor(client);
    const asked = await until("looks for all that may be to do, one after the other", async () => {
      const connections = await connectionsNamed(client, /^weir:worker:/);
      const workers = new Set(connections.map(({ addr }) => addr!));
      // A machine that is busy may let the lease lapse: taking it again is no work.
      const sent = kept.commands
        .filter((command) => workers.has(command.source) && !isElection(command));
      // The last that was more than a look: work, or a connection that was opened.
      const worked = sent.findLastIndex(({ name }) => /^(eval|client|hello)/.test(name));
      const since = sent.slice(worked + 1).map(({ name }) => name);
      const looks = since.filter((name) => name === "getex").length;
      // The last one may still be under way.
      return looks > LOOKS_FOR_ALL && since.includes("xreadgroup") && new Set(since);
    });
    const signs = ["xreadgroup", "exists", "getex", "hkeys", "hmget", "smembers", "xlen", "zrange"];
    assert.deepEqual([...asked].filter((name) => name !== "pexpire").sort(), signs.sort());
  },
);
