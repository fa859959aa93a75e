import { Redis } from "ioredis";
import assert from "node:assert/strict";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { type KeptLog, keptLog } from "../shared/testing/kept_log.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { EmbeddedRedis } from "./embedded_redis.ts";

const RESTART_PAUSE_MS = 500;

interface Opened extends AsyncDisposable {
  readonly redis: EmbeddedRedis;
  /** Comes back by itself as often as needed. */
  readonly client: Redis;
  readonly clock: ManualClock;
  readonly log: KeptLog;
  /** Ends the server as a crash does. */
  crash(): Promise<void>;
}

async function open(): Promise<Opened> {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await TemporaryFolder.make("weir-launch-test-"));
  const [clock, log] = [new ManualClock(), keptLog()];
  const redis = stack.use(
    await EmbeddedRedis.start({ executable: "redis-server", folder }, { clock, log }),
  );
  const client = new Redis(redis.url, {
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
    disconnectTimeout: 0,
  });
  client.on("error", () => {});
  stack.defer(async () => {
    if (client.status !== "ready") return client.disconnect();
    await client.quit();
  });
  const opened = stack.move();
  return {
    redis,
    client,
    clock,
    log,
    crash: async () => {
      const [, pid] = /^process_id:(\d+)/m.exec(await client.info("server")) ?? [];
      Deno.kill(Number(pid), "SIGKILL");
      await clock.untilWaiting();
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

Deno.test("embedded redis that dies is back on its address, with its data", async () => {
  await using opened = await open();
  const { client, clock, log } = opened;
  await client.set("key", "kept");
  for (let crashes = 1; crashes <= 2; crashes++) {
    await opened.crash();
    assert.equal(log.lines.length, crashes);
    clock.advance(RESTART_PAUSE_MS);
    assert.equal(await client.get("key"), "kept");
  }
  assert.equal(log.lines[0]?.message, "redis died, restarting it");
});

Deno.test("embedded redis that is stopped during the pause does not come back", async () => {
  const opened = await open();
  await opened.crash();
  await opened[Symbol.asyncDispose]();
  assert.equal(opened.clock.waiting, 0);
});

Deno.test("embedded redis that is stopped while it comes back is gone, too", async () => {
  const opened = await open();
  await opened.crash();
  opened.clock.advance(RESTART_PAUSE_MS);
  await opened[Symbol.asyncDispose]();
  const client = new Redis(opened.redis.url, { retryStrategy: null, lazyConnect: true });
  client.on("error", () => {});
  await assert.rejects(client.connect());
});
