import assert from "node:assert/strict";
import { GROUP } from "../shared/redis/keys.ts";
import { connectionsNamed, monitor } from "../shared/testing/redis.ts";
import { assertProblem, assertSees, call, inParallel, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { KEYS, testWeir } from "./weir.ts";

const PHOTO = await colourPicture([250, 20, 10]);
/** A worker that never ends a job by itself. */
const ENDLESS = {
  WEIR_ENGINE: "null",
  WEIR_NULL_DELAY_MS: "600000",
  WEIR_LOG_LEVEL: "debug",
};
const WHITE = await colourPicture([255, 255, 255]);

testWeir(
  "jobs of a worker that is killed are done by another, and their second attempt is counted",
  {
    env: { ...ENDLESS, WEIR_CLAIM_IDLE_MS: "1000" },
  },
  async (weir) => {
    const { url, workers } = weir;
    const accepted = await Promise.all(
      Array.from({ length: 5 }, () => post(`${url}/v1/jobs`, PHOTO.bytes)),
    );
    for (const { body: { id } } of accepted) {
      await workers[0]!.line(new RegExp(`job begun job=${id}`));
    }
    await weir.startWorker({ WEIR_NULL_DELAY_MS: "0" });
    workers[0]!.kill("SIGKILL");
    for (const { body: { id } } of accepted) {
      const { body } = await call(`${url}/v1/jobs/${id}`, { headers: { prefer: "wait=60" } });
      assert.deepEqual({ state: body.state, attempts: body.attempts }, {
        state: "succeeded",
        attempts: 2,
      });
      const { body: story } = await call(`${url}/v1/jobs/${id}/explain`);
      assert.deepEqual(endsOf(story), ["worker1 lost", "worker2 succeeded"]);
      assert.equal(story.slowest, "lost", story.summary);
    }
    await weir.assertEmpty();
  },
);

/** How each attempt of a job's story ended, and in whose hands. */
function endsOf({ attempts }: {
  readonly attempts: readonly { readonly worker: string; readonly end: string }[];
}): string[] {
  return attempts.map(({ worker, end }) => `${worker.replace(/-\w+$/, "")} ${end}`);
}

const CLAIM_IDLE_S = 30;
/** Silence that is left when the next worker comes. */
const LEFT_S = 4;
/** What a takeover may take beyond the claim idle time. */
const TAKEOVER_MAX_S = 2;

testWeir(
  "a client whose worker is killed is answered by the next one, which does not scan for it",
  {
    env: {
      ...ENDLESS,
      WEIR_CLAIM_IDLE_MS: String(1000 * CLAIM_IDLE_S),
      WEIR_TIMEOUT_MS: "60000",
    },
  },
  async (weir) => {
    const { url, redis: { client }, workers: [first] } = weir;
    using kept = await monitor(client);
    const answer = post(`${url}/predict`, PHOTO.bytes);
    await first!.line(/job begun/);
    first!.kill("SIGKILL");
    await first!.ended;
    const stream = KEYS.jobs("colour", 0);
    const [[entry, consumer]] = await client.xpending(stream, GROUP, "-", "+", 1) as [
      [string, string],
    ];
    // Nobody wants to wait for the whole silence.
    const silentMs = 1000 * (CLAIM_IDLE_S - LEFT_S);
    await client.xclaim(stream, GROUP, consumer, 0, entry, "IDLE", silentMs, "JUSTID");
    await weir.startWorker({ WEIR_NULL_DELAY_MS: "0" });
    const connections = await connectionsNamed(client, /^weir:worker:worker2/);
    const next = new Set(connections.map(({ addr }) => addr));
    const { status, body } = await answer;
    assert.equal(status, 200, JSON.stringify(body));

    // By Redis' clock: when the silence was over, when the next worker came and when it took over.
    const { commands } = kept;
    const dueAt =
      commands.find(({ name, args }) => name === "xclaim" && args.includes("IDLE"))!.at + LEFT_S;
    const cameAt = commands.find(({ source }) => next.has(source))!.at;
    const takenAt = commands.find(({ name }) => name === "xautoclaim")!.at;
    assert(takenAt > dueAt - 0.01, `taken ${dueAt - takenAt} s too early`);
    const lateS = takenAt - Math.max(dueAt, cameAt);
    assert(lateS < TAKEOVER_MAX_S, `taken ${lateS} s late`);
    const looks = commands.filter(({ at, name, source }) =>
      name === "xpending" && next.has(source) && at <= takenAt
    );
    assert(looks.length <= 2, "it looks when it comes, and when the silence is over");
    await weir.assertEmpty();
  },
);

testWeir(
  "a frozen worker that wakes after its job was taken does not touch the outcome",
  { env: { ...ENDLESS, WEIR_NULL_DELAY_MS: "3000", WEIR_CLAIM_IDLE_MS: "1000" } },
  async (weir) => {
    const { url, redis: { client }, workers: [frozen] } = weir;
    const { body: { id } } = await post(`${url}/v1/jobs`, PHOTO.bytes);
    await frozen!.line(/job begun/);
    frozen!.kill("SIGSTOP");
    const next = await weir.startWorker({ WEIR_NULL_DELAY_MS: "0" });
    await next.line(new RegExp(`job settled job=${id} .*state=succeeded`));
    const record = await client.hgetall(KEYS.job(id));
    assert.match(record.worker!, /^worker2/);
    frozen!.kill("SIGCONT");
    await frozen!.line(new RegExp(`job settled job=${id} .*state=late`));
    assert.deepEqual(await client.hgetall(KEYS.job(id)), record);
    const [gateway] = await client.smembers(KEYS.gateways());
    const events = await client.xrange(KEYS.results(gateway!), "-", "+") as [string, string[]][];
    assert.equal(events.filter(([, fields]) => fields.includes(id)).length, 1);
    await weir.assertEmpty();
  },
);

const BATCH = 32;
const ATTEMPTS_MAX = 3;

testWeir(
  "a picture on which workers crash becomes a dead letter, the other 31 of its batch are answered",
  {
    workers: 0,
    env: {
      WEIR_ATTEMPTS_MAX: String(ATTEMPTS_MAX),
      WEIR_CLAIM_IDLE_MS: "1000",
      WEIR_TIMEOUT_MS: "60000",
    },
  },
  async (weir) => {
    const { url, workers } = weir;
    await weir.stopWorker(await weir.startWorker());
    const posting = inParallel(
      BATCH,
      BATCH,
      (i) => post(`${url}/predict`, i === BATCH / 2 ? WHITE.bytes : PHOTO.bytes),
    );
    await weir.untilAdmitted(BATCH);
    const over = posting.then(() => true);
    // As a supervisor does it: one after the other, however they end.
    const batches: string[] = [];
    while (true) {
      const worker = await weir.startWorker(
        // Long enough for all to be decoded; a full batch does not wait.
        { WEIR_BATCH_LINGER_MS: "10000" },
        { program: "e2e/crashing_worker.ts" },
      );
      if (await Promise.race([over, worker.ended.then(() => false)])) break;
      worker.killed = true;
      batches.push(await worker.line(/crashing in/));
    }
    assert.deepEqual(batches, [BATCH, 1, 1].map((size) => `crashing in a batch of ${size}`));
    for (const [i, answer] of (await posting).entries()) {
      if (i === BATCH / 2) assertProblem(answer, "job_failed", 500);
      else assertSees(answer.body.predictions, PHOTO);
    }
    const { body: { letters, total } } = await call(`${url}/admin/dead`);
    assert.equal(total, 1);
    assert.deepEqual([letters[0].attempts, letters[0].images], [ATTEMPTS_MAX, 1]);
    const { body: story } = await call(`${url}/v1/jobs/${letters[0].id}/explain`);
    assert.deepEqual(endsOf(story), [2, 3, 4].map((worker) => `worker${worker} lost`));
    assert.match(story.events.at(-1).text, /written by worker worker5-\S+, kept as a dead letter/);
    assert.equal(workers.length, 1 + ATTEMPTS_MAX + 1);
    await weir.assertEmpty();
  },
);
