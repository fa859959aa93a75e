import assert from "node:assert/strict";
import type { JobId } from "../shared/job.ts";
import { GROUP } from "../shared/redis/keys.ts";
import { RETRY } from "../shared/redis/scripts/attempt.ts";
import { factText } from "../shared/redis/story.ts";
import { monitor } from "../shared/testing/redis.ts";
import { call, post } from "./client.ts";
import { commandDocs, isNewer } from "./command_docs.ts";
import { colourPicture } from "./pictures.ts";
import { ROOT } from "./program.ts";
import { until } from "./waiting.ts";
import { KEYS, printingLog, Weir } from "./weir.ts";

/** The oldest Redis that the README promises to work with. */
const OLDEST = "6.2.0";

const PHOTO = await colourPicture([250, 20, 10]);
const STREAM = KEYS.jobs("colour", 0);

const ENV = {
  WEIR_ATTEMPTS_MAX: "1",
  WEIR_CLAIM_IDLE_MS: "300",
  WEIR_REDIS_HEALTH_MS: "300",
  WEIR_MAINTENANCE_MS: "200",
  WEIR_QUEUE_JOBS_MAX: "4",
  WEIR_LOG_LEVEL: "debug",
};

/** Posts a job; its id. */
async function submit({ url }: Weir, headers: Record<string, string> = {}): Promise<JobId> {
  const { status, body } = await post(`${url}/v1/jobs`, PHOTO.bytes, headers);
  assert.equal(status, 202, JSON.stringify(body));
  return body.id;
}

/** Waits for a job's outcome. */
async function outcome({ url }: Weir, id: JobId): Promise<string> {
  const { body } = await call(`${url}/v1/jobs/${id}`, { headers: { prefer: "wait=60" } });
  return body.state;
}

/** What clients do while all is well. */
async function everyday(weir: Weir): Promise<void> {
  const { url } = weir;
  assert.equal((await post(`${url}/predict`, PHOTO.bytes)).status, 200);
  const key = { "idempotency-key": "the same" };
  const id = await submit(weir, key);
  assert.equal(await outcome(weir, id), "succeeded");
  const repeated = await post(`${url}/v1/jobs`, PHOTO.bytes, key);
  assert.equal(repeated.body.id, id);
  assert.equal((await call(`${url}/v1/jobs/${id}`, { method: "DELETE" })).status, 409);
}

/** While no worker is there: what is cancelled, expires, and does not find room any more. */
async function withoutWorker(weir: Weir): Promise<void> {
  const { url } = weir;
  const cancelled = await submit(weir);
  assert.equal((await call(`${url}/v1/jobs/${cancelled}`, { method: "DELETE" })).status, 200);
  const short = await post(`${url}/predict`, PHOTO.bytes, { "x-request-timeout-ms": "50" });
  assert.equal(short.status, 504);
  await submit(weir, { "x-request-timeout-ms": "50" });
  await submit(weir, { "x-request-timeout-ms": "50" });
  assert.equal((await post(`${url}/v1/jobs`, PHOTO.bytes)).body.code, "at_capacity");
}

/** Two jobs whose worker dies become dead letters; one is replayed, one discarded. */
async function deadLetters(weir: Weir): Promise<void> {
  const { url, redis: { client } } = weir;
  const doomed = await weir.startWorker({
    ...ENV,
    WEIR_ENGINE: "null",
    WEIR_NULL_DELAY_MS: "600000",
  });
  await weir.untilAdmitted(0);
  const [replayed, discarded] = [await submit(weir), await submit(weir)];
  for (const id of [replayed, discarded]) await doomed.line(new RegExp(`job begun job=${id}`));
  // A model's passing fault, which no model here has: put off as that worker would.
  const { identity } = /name=(?<identity>\S+)/.exec(await doomed.line(/worker ready/))!.groups!;
  const [[entry]] = await client.xpending(STREAM, GROUP, "-", "+", 1) as [[string]];
  const keys = [STREAM, KEYS.job(replayed)];
  const fact = factText({ kind: "put_off", worker: identity!, delayMs: 0 });
  assert.equal(await client.eval(RETRY, 2, ...keys, GROUP, identity!, entry, 0, fact), 1);
  doomed.kill("SIGKILL");
  await weir.startWorker();
  for (const id of [replayed, discarded]) assert.equal(await outcome(weir, id), "failed");
  assert.equal((await call(`${url}/admin/dead`)).body.total, 2);
  const again = await call(`${url}/admin/dead/${replayed}/replay`, { method: "POST" });
  assert.equal(await outcome(weir, again.body.id), "succeeded");
  await call(`${url}/admin/dead/${discarded}`, { method: "DELETE" });
}

/** A command with its arguments, or with those that are known. */
interface Asked {
  readonly name: string;
  readonly args: readonly string[];
}

/** The commands that are written in the scripts, each with the words that are there as they are. */
async function writtenInScripts(): Promise<Asked[]> {
  const folder = `${ROOT}/shared/redis/scripts`;
  const asked: Asked[] = [];
  for await (const file of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(`${folder}/${file.name}`);
    for (const [, call] of text.matchAll(/redis\.p?call\(([^)]*)/g)) {
      const [name, ...args] = Array.from(call!.matchAll(/'(\w+)'/g), ([, word]) => word!);
      asked.push({ name: name!.toLowerCase(), args });
    }
  }
  return asked;
}

/** Commands and options that are newer than the oldest Redis. */
async function newerOf(asked: readonly Asked[], { redis: { client } }: Weir): Promise<string[]> {
  const docs = await commandDocs(client, new Set(asked.map(({ name }) => name)), OLDEST);
  const newer = asked.filter(({ name, args }) => {
    const { since, newerOptions } = docs.get(`${name}|${args[0]?.toLowerCase()}`) ??
      docs.get(name)!;
    return isNewer(since, OLDEST) || args.some((arg) => newerOptions.has(arg.toUpperCase()));
  });
  return newer.map(({ name, args }) => [name, ...args].join(" "));
}

Deno.test("nothing that Redis 6.2 does not know is asked of it", async () => {
  await using weir = await Weir.open({ env: ENV });
  const { client } = weir.redis;
  using kept = await monitor(client);
  await printingLog(weir, async () => {
    await weir.startGateway();
    const first = await weir.startWorker();
    await everyday(weir);
    await weir.stopWorker(first);
    await withoutWorker(weir);
    await deadLetters(weir);
    await until(
      "maintenance forgets the dead worker",
      async () => await client.hlen(KEYS.workers()) === 1,
    );
    await weir.drain();
    await weir.assertEmpty();
  });
  const ours = `127.0.0.1:${(client.stream as { localPort?: number }).localPort}`;
  const sent = kept.commands.filter(({ source }) => source !== ours);
  const written = await writtenInScripts();
  assert(sent.some(({ name }) => name === "xautoclaim") && written.length > 20);
  assert.deepEqual(await newerOf([...sent, ...written], weir), []);
});
