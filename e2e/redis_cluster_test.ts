import assert from "node:assert/strict";
import { GROUP, ShardKeys } from "../shared/redis/keys.ts";
import { TestCluster } from "../shared/testing/cluster.ts";
import { loadOf } from "../shared/testing/redis.ts";
import { type Answer, post, submitAndReturn } from "./client.ts";
import { Load } from "./load.ts";
import { colourPicture } from "./pictures.ts";
import { until } from "./waiting.ts";
import { printingLog, startWeir } from "./weir.ts";

const { bytes: PHOTO } = await colourPicture([250, 20, 10]);

const SHARDS = 3;
const MODEL = "colour";
const KEYS = Array.from({ length: SHARDS }, (_, shard) => new ShardKeys(shard, SHARDS));

/** Submits a job and waits for it, though a shard may be on its way. */
function submitted(url: string): Promise<Answer> {
  return submitAndReturn(url, PHOTO, (job) => {
    // Busy while the shard's slot moves; unknown it may never be.
    assert([200, 503].includes(job.status), JSON.stringify(job));
  });
}

/** Asserts that no shard holds anything of a job but its record. */
async function assertEmpty({ client }: TestCluster): Promise<void> {
  for (const keys of KEYS) {
    const stream = keys.jobs(MODEL, 0);
    await until(`shard ${keys.shard} is empty`, async () => await client.xlen(stream) === 0);
    const [pending] = await client.xpending(stream, GROUP) as [number];
    assert.equal(pending, 0);
    assert.equal(await client.zcard(keys.deadlines()), 0);
    assert.deepEqual(await loadOf(client, keys.load(MODEL)), { jobs: 0, bytes: 0, images: 0 });
  }
}

/** Shard of a finished job. */
function shardOf({ body: { id } }: Answer): string {
  return String(id).split("-")[0]!;
}

Deno.test("a cluster's slots move under load, and nothing that was accepted is lost", async () => {
  await using cluster = await TestCluster.start();
  await using weir = await startWeir({
    gateways: 2,
    workers: 2,
    env: {
      REDIS_URL: cluster.url,
      WEIR_SHARDS: String(SHARDS),
      // What a read had been given when its stream left is silent for so long.
      WEIR_CLAIM_IDLE_MS: "500",
    },
  });
  await printingLog(weir, async () => {
    const homes = await Promise.all(KEYS.map((keys) => cluster.masterOf(keys.deadlines())));
    assert.deepEqual(homes, [0, 1, 2], "shards are spread over the masters");
    const waiting = new Load(4, () => post(`${weir.urls[0]}/predict`, PHOTO));
    const returning = new Load(4, () => submitted(weir.urls[1]!));
    for (const [shard, keys] of KEYS.entries()) {
      await Promise.all([waiting.more(20, "200"), returning.more(20, "200")]);
      await cluster.move(keys.deadlines(), (shard + 1) % KEYS.length);
    }
    await Promise.all([waiting.more(60, "200"), returning.more(60, "200")]);
    await waiting.stop(["200", "busy"]);
    await returning.stop(["200", "busy"]);
    const used = returning.answers.filter(({ status }) => status === 200).map(shardOf);
    assert.deepEqual(new Set(used), new Set(["0", "1", "2"]));
    await assertEmpty(cluster);
    for (const name of [/^weir:gateway:gateway1/, /^weir:worker:worker1/]) {
      const connections = (await cluster.connections(name)).reduce((sum, count) => sum + count, 0);
      assert(connections <= 8, `${connections} connections of one process`);
    }
    await weir.drain();
  });
});

Deno.test("a shard whose master is stopped does not hold up the others", async () => {
  await using cluster = await TestCluster.start();
  await using weir = await startWeir({
    env: { REDIS_URL: cluster.url, WEIR_SHARDS: String(SHARDS) },
  });
  await printingLog(weir, async () => {
    using _ = await cluster.freeze(1);
    const load = new Load(4, () => post(`${weir.url}/predict`, PHOTO));
    await load.more(100, "200");
    await load.stop(["200", "busy"]);
    const busy = load.answers.filter(({ status }) => status === 503).length;
    // Until its breaker is open, submits to that shard are answered for it.
    assert(busy <= 20, `${busy} submits were refused`);
  });
});
