import assert from "node:assert/strict";
import { join } from "node:path";
import { freePort } from "../shared/redis_server.ts";
import { testRedis } from "../shared/testing/redis.ts";
import { Scrape } from "../shared/testing/scrape.ts";
import { assertSees, call, post } from "./client.ts";
import { colourModels, colourPicture } from "./pictures.ts";
import { ROOT } from "./program.ts";
import { Started, type StartOptions } from "./started.ts";
import { until } from "./waiting.ts";
import { type Step, stepsOf } from "./weir.ts";

const PHOTO = await colourPicture([250, 20, 10]);

/** A test of `deno task start` with the net that names colours; where it fails, it prints what start printed. */
function testStart(
  name: string,
  options: StartOptions,
  body: (started: Started, step: Step) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: Deno.build.os !== "linux",
    fn: async (t) => {
      await using models = await colourModels();
      await using started = await Started.run({
        ...options,
        env: { WEIR_MODELS: models.path, ...options.env },
      });
      try {
        await body(started, stepsOf(t));
      } catch (error) {
        Deno.stderr.writeSync(new TextEncoder().encode(started.lines.join("\n") + "\n"));
        throw error;
      }
    },
  });
}

/** Whether a program is on PATH. */
async function has(program: string): Promise<boolean> {
  const found = new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" });
  return (await found.output()).success;
}

/** Asserts that it refuses to start: a sentence for each pattern, exit code 1, nothing left. */
async function assertRefuses(started: Started, ...sentences: RegExp[]): Promise<void> {
  assert.equal(await started.code(), 1);
  for (const sentence of sentences) await started.line(sentence);
  assert(!started.lines.some((line) => /^\s+at /.test(line)), "a stack trace is no sentence");
  await started.untilGone();
}

testStart(
  "start serves with one command, and Ctrl-C leaves nothing:",
  {},
  async (started, step) => {
    const url = await started.url();

    await step("it shows what it answers for a first photo", async () => {
      await started.line(/star\.jpg: \w+, [\d.]+ % \(model colour, engine wasm, \d+ ms\)/);
      await started.line(/Classes of colour: red · green · blue · grey/);
    });

    await step("its curl line can be pasted", async () => {
      if (!await has("curl")) return;
      const line = (await started.line(/^\s*curl /)).trim();
      const { code, stdout, stderr } = await new Deno.Command("sh", {
        args: ["-c", line],
        cwd: ROOT,
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      const { success, predictions } = JSON.parse(new TextDecoder().decode(stdout));
      assert.equal(success, true);
      assert.equal(predictions.length, 4);
    });

    await step("a second start in its folder is refused, and does not disturb it", async () => {
      await using second = await Started.run({ env: { WEIR_DATA_DIR: started.dataFolder } });
      await assertRefuses(second, /cannot use data folder ".+": another Weir uses it/);
      assertSees((await post(`${url}/predict`, PHOTO.bytes)).body.predictions, PHOTO);
    });

    await step("a start at its port is refused, with a free one to take", async () => {
      const { port } = new URL(url);
      await using second = await Started.run({ env: { WEIR_PORT: port } });
      await assertRefuses(second, new RegExp(`port ${port} of 127\\.0\\.0\\.1 is in use, `));
      const offer = /set WEIR_PORT=(\d+)/.exec(await second.line(/WEIR_PORT=/))![1];
      Deno.listen({ hostname: "127.0.0.1", port: Number(offer) }).close();
    });

    for (const role of ["worker", "gateway", "redis-server"]) {
      await step(`a ${role} that is killed is started again`, async () => {
        const pattern = new RegExp(
          role === "redis-server" ? `^\\S*${role} 127` : `main\\.ts ${role} `,
        );
        const { pid } = await started.process(pattern);
        const printed = started.lines.length;
        Deno.kill(pid, "SIGKILL");
        await started.line(/died, restarting it/, printed);
        await until("photos are answered again", async () => {
          const answer = await post(`${url}/predict`, PHOTO.bytes).catch(() => undefined);
          if (answer?.status !== 200) return false;
          assertSees(answer.body.predictions, PHOTO);
          return true;
        });
        assert.notEqual((await started.process(pattern)).pid, pid);
      });
    }

    await step("Ctrl-C drains all and exits with 0", async () => {
      assert((await started.processes()).length > 3);
      started.killGroup("SIGINT");
      assert.equal(await started.code(), 0);
      assert.deepEqual(await started.processes(), []);
      await started.line(/gateway drained/);
      await started.line(/worker drained/);
    });
  },
);

testStart("start that is told to stop before it serves leaves nothing", {}, async (started) => {
  await started.line(/embedded redis ready/);
  started.killGroup("SIGINT");
  assert.equal(await started.code(), 0);
  assert.deepEqual(await started.processes(), []);
});

testStart("what start started vanishes with it when it is killed", {}, async (started) => {
  await started.url();
  const { pid } = await started.process(/main\.ts start$/);
  Deno.kill(pid, "SIGKILL");
  assert.notEqual(await started.code(), 0);
  await started.untilGone();
});

testStart("what was accepted is there after the next start", {}, async (started) => {
  const { body: job } = await post(`${await started.url()}/v1/jobs`, PHOTO.bytes, {
    prefer: "wait=30",
  });
  started.killGroup("SIGINT");
  assert.equal(await started.code(), 0);
  await using models = await colourModels();
  await using again = await Started.run({
    env: { WEIR_MODELS: models.path, WEIR_DATA_DIR: started.dataFolder },
  });
  assert.deepEqual((await call(`${await again.url()}/v1/jobs/${job.id}`)).body, job);
  again.killGroup("SIGINT");
  assert.equal(await again.code(), 0);
});

Deno.test({
  name: "start without any setting answers the sample photos as it must",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const photos = join(ROOT, "fixtures", "photos");
    const expected = JSON.parse(
      await Deno.readTextFile(join(ROOT, "fixtures", "expected.json")),
    ) as Record<string, { label: string; probability: number }[]>;
    await using started = await Started.run({ env: { WEIR_ENGINE: "", WEIR_MODELS: "" } });
    const url = await started.url();
    await started.line(/star\.jpg: star, /);
    for (const [name, [best]] of Object.entries(expected)) {
      const { status, body } = await post(
        `${url}/predict`,
        await Deno.readFile(join(photos, name)),
      );
      assert.equal(status, 200, name);
      assertSees(body.predictions, best!);
    }
    started.killGroup("SIGINT");
    assert.equal(await started.code(), 0);
  },
});

/** That of the first worker; the next one's is likely to be free as well. */
const METRICS_PORT = freePort();

for (const workers of [2, 0]) {
  testStart(
    `start runs ${workers} workers where it is told so`,
    { args: ["--workers", String(workers)], env: { WEIR_METRICS_PORT: String(METRICS_PORT) } },
    async (started) => {
      await started.url();
      const running = await started.processes();
      const found = running.filter(({ command }) => command.includes("main.ts worker"));
      assert.equal(found.length, workers);
      for (let worker = 0; worker < workers; worker++) {
        const scrape = await Scrape.of(`http://127.0.0.1:${METRICS_PORT + worker}`);
        assert.equal(scrape.value("weir_redeliveries_total"), 0);
      }
      started.killGroup("SIGINT");
      assert.equal(await started.code(), 0);
    },
  );
}

testStart(
  "start runs 2 gateways at one port, and each answers for the other's jobs",
  { args: ["--gateways", "2"] },
  async (started) => {
    const url = await started.url();
    await until("both gateways listen", () => {
      return Promise.resolve(
        started.lines.filter((line) => /gateway ready/.test(line)).length === 2,
      );
    });
    using connections = new DisposableStack();
    // Each keeps its connection, and so its gateway.
    const connect = () => connections.adopt(Deno.createHttpClient({}), (client) => client.close());
    const submitted = await call(`${url}/v1/jobs`, {
      method: "POST",
      body: PHOTO.bytes,
      client: connect(),
    });
    assert.equal(submitted.status, 202);
    const other = await until("a connection is the other gateway's", async () => {
      const client = connect();
      const { body: metrics } = await call(`${url}/metrics`, { client });
      return !/route="\/v1\/jobs",method="POST"/.test(metrics) && { client };
    });
    const { body: job } = await call(`${url}/v1/jobs/${submitted.body.id}`, {
      headers: { prefer: "wait=30" },
      ...other,
    });
    assert.equal(job.state, "succeeded");
    assertSees(job.result.predictions, PHOTO);
    started.killGroup("SIGINT");
    assert.equal(await started.code(), 0);
  },
);

Deno.test({
  name: "start uses the Redis that it is given, and starts none",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using redis = await testRedis();
    await using models = await colourModels();
    await using started = await Started.run({
      env: { REDIS_URL: redis.server.url, WEIR_MODELS: models.path },
    });
    const url = await started.url();
    const running = await started.processes();
    assert(!running.some(({ command }) => command.includes("redis-server")));
    assertSees((await post(`${url}/predict`, PHOTO.bytes)).body.predictions, PHOTO);
    started.killGroup("SIGINT");
    assert.equal(await started.code(), 0);
    assert.equal(await redis.client.ping(), "PONG");
  },
});

const closed = `redis://127.0.0.1:${freePort()}`;

testStart(
  "start says that its Redis cannot be reached",
  { env: { REDIS_URL: closed } },
  (started) => assertRefuses(started, /redis cannot be used: .*ECONNREFUSED/),
);

testStart(
  "start says which model folder is missing",
  { env: { WEIR_MODELS: "/nonexistent/models" } },
  (started) => assertRefuses(started, /"\/nonexistent\/models"/),
);

testStart(
  "start names every wrong setting at once, and the nearest name of a misspelt one",
  { env: { WEIR_PORT: "http", WEIR_BATCH_MAX: "0", WEIR_ENGIN: "wasm", REDIS_URL: "127.0.0.1" } },
  async (started) => {
    await assertRefuses(
      started,
      /WEIR_PORT="http" is not a whole number/,
      /WEIR_BATCH_MAX="0" is below 1/,
      /WEIR_ENGIN is not a setting, the nearest is WEIR_ENGINE/,
      /REDIS_URL=… is not a redis:/,
    );
    assert(!started.lines.some((line) => line.includes("redis ready")), "nothing was started");
  },
);

testStart(
  "start names the nearest flag of a misspelt one",
  { args: ["--wrokers", "2"] },
  (started) => assertRefuses(started, /unknown option '--wrokers'/, /Did you mean --workers\?/),
);
