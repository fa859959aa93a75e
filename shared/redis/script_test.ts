import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { BrokerUnavailable } from "../broker.ts";
import { commandCalls, testRedis } from "../testing/redis.ts";
import { runScript, runScripts, Script } from "./script.ts";

/** Appends to a list and gives its length. */
const append = new Script("return redis.call('RPUSH', KEYS[1], ARGV[1])");

Deno.test("a script is sent by its text once, then by its digest", async () => {
  await using redis = await testRedis();
  const { client, shard } = redis;
  for (let run = 1; run <= 3; run++) {
    assert.equal(await runScript(shard, append, ["list"], ["x"]), run);
  }
  const calls = await commandCalls(client);
  assert.deepEqual([calls.get("eval"), calls.get("evalsha")], [1, 3]);
});

Deno.test("a script that redis has forgotten runs all the same, and once", async () => {
  await using redis = await testRedis();
  const { client, shard } = redis;
  await runScript(shard, append, ["list"], ["first"]);
  await client.script("FLUSH");
  assert.equal(await runScript(shard, append, ["list"], ["second"]), 2);
  assert.deepEqual(await client.lrange("list", 0, -1), ["first", "second"]);
});

Deno.test("many runs of a forgotten script are one each, results in the order of the calls", async () => {
  await using redis = await testRedis();
  const { client, shard } = redis;
  const calls = ["a", "b", "a", "c"].map((key, i) => ({ keys: [key], args: [i] }));
  assert.deepEqual(await runScripts(shard, append, calls), [1, 1, 2, 1]);
  assert.deepEqual(await runScripts(shard, append, calls), [3, 2, 4, 2]);
  await client.script("FLUSH");
  assert.deepEqual(await runScripts(shard, append, calls.slice(1)), [3, 5, 3]);
  assert.deepEqual(await client.lrange("a", 0, -1), ["0", "2", "0", "2", "2"]);
});

Deno.test("no runs are no round trip, and one is as good as alone", async () => {
  await using redis = await testRedis();
  const { client, shard } = redis;
  assert.deepEqual(await runScripts(shard, append, []), []);
  assert.deepEqual(await runScripts(shard, append, [{ keys: ["list"], args: ["x"] }]), [1]);
  assert.equal((await commandCalls(client)).get("evalsha"), 1);
});

Deno.test("a script takes bytes as they are", async () => {
  await using redis = await testRedis();
  const bytes = Buffer.from([0, 255, 10, 13, 128]);
  await runScript(redis.shard, append, ["list"], [bytes]);
  assert.deepEqual(await redis.client.lindexBuffer("list", 0), bytes);
});

Deno.test("a script's fault is the broker's, for one run and for many", async () => {
  await using redis = await testRedis();
  const { client, shard } = redis;
  await client.set("text", "no list");
  const call = { keys: ["text"], args: ["x"] };
  await assert.rejects(runScript(shard, append, call.keys, call.args), BrokerUnavailable);
  await assert.rejects(runScripts(shard, append, [call, call]), BrokerUnavailable);
});
