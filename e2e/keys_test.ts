import assert from "node:assert/strict";
import { join } from "node:path";
import { QuotaKeys } from "../shared/redis/keys.ts";
import { type Answer, assertProblem, assertSees, call, post } from "./client.ts";
import { colourModels, colourPicture } from "./pictures.ts";
import { Program } from "./program.ts";
import { Started } from "./started.ts";
import { tempFolder } from "./temp_folder.ts";
import { until } from "./waiting.ts";
import { printingLog, Role, startWeir, stepsOf } from "./weir.ts";

const PHOTO = await colourPicture([250, 20, 10]);
const REQUESTS = 25;
const JOBS = 3;
/** A deadline that no test reaches. */
const LONG = { "x-request-timeout-ms": "600000" };

/** A program of ours, run to its end. */
async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; lines: readonly string[] }> {
  await using program = new Program(args.slice(0, 2).join(" "), ["task", "-q", ...args], env);
  return { code: await program.code(), lines: program.lines };
}

/** Makes a key as an operator does. */
async function newKey(file: string, ...args: readonly string[]): Promise<string> {
  const { code, lines } = await run(["key", "new", ...args], { WEIR_API_KEYS_FILE: file });
  assert.equal(code, 0, lines.join("\n"));
  const key = lines.find((line) => line.startsWith("weir_"));
  assert(key !== undefined, lines.join("\n"));
  return key;
}

function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}

/** Numbers of answers by their status. */
function counted(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

interface Operation {
  readonly security: readonly unknown[];
}

/** Verb and path of every route that is described, parameters filled in; and whether all may ask. */
async function routesOf(url: string, id: string): Promise<[string, string, boolean][]> {
  const { body } = await call(`${url}/openapi.json`);
  const paths = Object.entries(body.paths as Record<string, Record<string, Operation>>);
  return paths.flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, { security }]): [string, string, boolean] => [
      verb.toUpperCase(),
      path.replace("{name}", "colour").replaceAll(/\{\w+\}/g, id),
      security.length === 0,
    ])
  );
}

Deno.test("API keys open what is theirs, are bounded over both gateways, and come and go", async (t) => {
  await using folder = await tempFolder();
  const file = join(folder.path, "keys.jsonl");
  const quota = ["--requests", String(REQUESTS), "--window", "3600"];
  const [ada, bob, eve, root] = await Promise.all([
    newKey(file, "ada", ...quota),
    newKey(file, "bob", "--concurrency", String(JOBS)),
    newKey(file, "eve"),
    newKey(file, "root", "--role", "admin"),
  ]);
  await using weir = await startWeir({
    gateways: 2,
    // With keys, any address may be served.
    env: { WEIR_API_KEYS_FILE: file, WEIR_HOST: "0.0.0.0", WEIR_LOG_LEVEL: "debug" },
  });
  const { urls, url, redis: { client } } = weir;
  const step = stepsOf(t);
  const submit = (key: string, at = 0, headers = {}) =>
    post(`${urls[at % 2]}/v1/jobs`, PHOTO.bytes, { ...bearer(key), ...headers });

  await printingLog(weir, async () => {
    await step("who has no key, or a wrong one, or another's, finds nothing", async () => {
      const { body: { id } } = await submit(eve, 0, { prefer: "wait=60" });
      const routes = await routesOf(url, id);
      assert(routes.length > 10);
      for (const [i, [method, path, open]] of routes.entries()) {
        const ask = (headers: Record<string, string>) =>
          call(urls[i % 2] + path, { method, headers });
        if (open) {
          assert.notEqual((await ask({})).status, 401, path);
          continue;
        }
        for (const headers of [{}, bearer(eve.slice(0, -1)), bearer(`${eve}x`)]) {
          const answer = await ask(headers);
          assertProblem(answer, "unauthorized", 401);
          assert.match(answer.headers.get("www-authenticate")!, /^Bearer /);
        }
        if (path.startsWith("/admin/")) assertProblem(await ask(bearer(bob)), "forbidden", 403);
        else if (path.includes(id)) assertProblem(await ask(bearer(bob)), "not_found", 404);
      }
      const own = await call(`${urls[1]}/v1/jobs/${id}`, { headers: bearer(eve) });
      assert.equal(own.body.state, "succeeded");
      assertSees(own.body.result.predictions, PHOTO);
    });

    await step("a quota holds over both gateways exactly", async () => {
      const answers = await Promise.all(
        Array.from({ length: REQUESTS * 2 }, (_, i) => submit(ada, i)),
      );
      assert.deepEqual(counted(answers), { 202: REQUESTS, 429: REQUESTS });
      const left = answers.map(({ headers }) => headers.get("ratelimit")!)
        .map((limit) => Number(/^"requests";r=(\d+);t=\d+$/.exec(limit)![1]));
      assert.deepEqual(
        left.sort((a, b) => a - b),
        [...Array(REQUESTS).fill(0), ...Array.from({ length: REQUESTS }, (_, i) => i)],
      );
      const refused = answers.find(({ status }) => status === 429)!;
      assertProblem(refused, "rate_limited", 429);
      const seconds = Number(refused.headers.get("retry-after"));
      assert(seconds > 3000 && seconds <= 3600, String(seconds));
      assert.equal(refused.headers.get("ratelimit-policy"), `"requests";q=${REQUESTS};w=3600`);
      assert.equal((await submit(eve)).status, 202, "another key has a quota of its own");
    });

    await step("so do jobs at once, which are freed when they are done", async () => {
      for (const worker of weir.workers) await weir.stopWorker(worker);
      const answers = await Promise.all(
        Array.from({ length: JOBS * 3 }, (_, i) => submit(bob, i, LONG)),
      );
      assert.deepEqual(counted(answers), { 202: JOBS, 429: JOBS * 2 });
      assertProblem(await submit(bob), "rate_limited", 429);
      await weir.startWorker();
      await until("bob has no job on his hands", async () => {
        return await client.exists(new QuotaKeys("bob").jobs()) === 0;
      });
      assert.equal((await submit(bob, 1, { prefer: "wait=60" })).status, 200);
    });

    await step("jobs whose gateway died are freed at their deadline", async () => {
      for (const worker of weir.workers) if (!worker.over) await weir.stopWorker(worker);
      for (let i = 0; i < JOBS; i++) {
        const { status } = await submit(bob, 1, { "x-request-timeout-ms": "2000" });
        assert.equal(status, 202);
      }
      weir.gateways[1]!.kill("SIGKILL");
      await weir.gateways[1]!.code();
      await until("bob may submit again", async () => (await submit(bob)).status === 202);
      urls[1] = url;
      await weir.startWorker();
    });

    await step("a key that is added opens, and one that is removed does not any more", async () => {
      const zoe = await newKey(file, "zoe");
      await until("zoe is known", async () => (await submit(zoe)).status === 202);
      const lines = (await Deno.readTextFile(file)).split("\n");
      const next = join(folder.path, "next");
      await Deno.writeTextFile(next, lines.filter((line) => !line.includes('"eve"')).join("\n"));
      await Deno.rename(next, file);
      await until("eve is forgotten", async () => (await submit(eve)).status === 401);
      await Deno.writeTextFile(file, "{}");
      await weir.gateways[0]!.line(/ERROR api keys stay as they were .*line 1: \\"name\\"/);
      assert.equal((await submit(zoe)).status, 202);
    });

    await step("the clients send a key of the environment or of a file", async () => {
      const [photo, key] = ["photo.png", "key"].map((name) => join(folder.path, name));
      await Deno.writeFile(photo!, PHOTO.bytes);
      await Deno.writeTextFile(key!, `${root}\n`);
      const classify = ["classify", photo!, "--url", url];
      const without = await run(classify);
      assert.deepEqual([without.code, without.lines.length], [1, 1]);
      assert.match(without.lines[0]!, /: name its file with --key-file, or set WEIR_API_KEY$/);
      const given = await run(classify, { WEIR_API_KEY: root });
      assert.deepEqual([given.code, /\bred\b/.test(given.lines[1]!)], [0, true]);
      const { code, lines } = await run(["dead", "list", "--url", url, "--key-file", key!]);
      assert.deepEqual([code, lines], [0, ["no dead letters"]]);
    });

    await step("no key is in any line of any log, nor in Redis", async () => {
      await weir.drain();
      const log = weir.log();
      assert.match(log, /job queued job=\S+ model=\S+ owner=eve /);
      const names = await client.keys("*");
      for (const key of [ada, bob, eve, root]) {
        const secret = key.slice("weir_".length);
        assert(!log.includes(secret));
        assert(!names.some((name) => name.includes(secret)));
      }
    });
  });
});

Deno.test({
  name: "start tries its first photo with the key that it is given, and says so where it has none",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await tempFolder();
    await using models = await colourModels();
    const file = join(folder.path, "keys.jsonl");
    const key = await newKey(file, "ada");
    const env = { WEIR_API_KEYS_FILE: file, WEIR_MODELS: models.path };

    await using given = await Started.run({ env: { ...env, WEIR_API_KEY: key } });
    await given.line(/star\.jpg: \w+, [\d.]+ %/);
    await given.line(/curl -H "Authorization: Bearer \$WEIR_API_KEY" -F image=@/);
    assert(!given.lines.join("\n").includes(key));
    given.kill("SIGTERM");
    assert.equal(await given.code(), 0);

    await using without = await Started.run({ env });
    await without.line(/Weir serves at \S+; no first photo was tried, as WEIR_API_KEY is not set/);
    without.kill("SIGTERM");
    assert.equal(await without.code(), 0);

    await using wrong = await Started.run({ env: { ...env, WEIR_API_KEY: `${key}x` } });
    await wrong.line(/self-check failed: unauthorized: the API key is not known/);
    assert.equal(await wrong.code(), 1);
  },
});

Deno.test("without API keys a gateway serves this machine alone, and a worker listens for scrapes anywhere", async () => {
  const env = { WEIR_HOST: "0.0.0.0", WEIR_METRICS_PORT: "0" };
  await using weir = await startWeir({ gateways: 0, env });
  await weir.workers[0]!.line(/status served url=http:\/\/0\.0\.0\.0:/);
  await using gateway = new Role("gateway", "gateway", {
    ...env,
    REDIS_URL: weir.redis.server.url,
  });
  assert.equal(await gateway.code(), 1);
  assert.deepEqual(gateway.lines, [
    "weir: settings are wrong",
    '  WEIR_HOST="0.0.0.0" is not a loopback address, and no other is served without WEIR_API_KEYS_FILE',
  ]);
});
