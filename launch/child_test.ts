import assert from "node:assert/strict";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { type KeptLog, keptLog } from "../shared/testing/kept_log.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { Child } from "./child.ts";

const never = new AbortController().signal;

interface Opened {
  readonly child: Child;
  readonly clock: ManualClock;
  readonly log: KeptLog;
  readonly complaints: string[];
}

/** Starts a shell script as a child. */
function start(script: string, env: Record<string, string> = {}): Opened {
  const [clock, log, complaints] = [new ManualClock(), keptLog(), [] as string[]];
  const child = new Child({
    name: "worker 1",
    command: ["/bin/sh", "-c", script],
    env,
    complain: (line) => complaints.push(line),
    clock,
    log,
  });
  return { child, clock, log, complaints };
}

Deno.test("child drains when its standard input closes, and stays away", async () => {
  const { child, clock, log } = start("while read -r _; do :; done");
  child.keepAlive();
  await child.stop(never);
  assert.equal(await child.firstEnd, 0);
  assert.deepEqual([clock.waiting, log.lines], [0, []]);
});

Deno.test("child that does not drain is ended when time is up", async () => {
  for (const before of [true, false]) {
    const { child } = start("exec sleep 1000");
    const now = new AbortController();
    if (before) now.abort();
    const stopped = child.stop(now.signal);
    now.abort();
    await stopped;
    assert.equal(await child.firstEnd, 137);
  }
});

Deno.test("child that dies is started again, after pauses that double", async () => {
  const { child, clock, log } = start("exit 3");
  child.keepAlive();
  const pauses = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
  for (const pauseMs of pauses) {
    await clock.untilWaiting();
    assert.deepEqual(log.lines.at(-1)?.fields, {
      name: "worker 1",
      code: 3,
      signal: "none",
      pauseMs,
    });
    clock.advance(pauseMs - 1);
    assert.equal(clock.waiting, 1);
    clock.advance(1);
  }
  await clock.untilWaiting();
  await child.stop(never);
  assert.equal(log.lines.length, pauses.length + 1);
  assert.equal(clock.waiting, 0);
});

Deno.test("child that has lived long is started again soon", async () => {
  await using folder = await TemporaryFolder.make("weir-launch-test-");
  const [die, alive] = [`${folder.path}/die`, `${folder.path}/alive`];
  await Deno.writeTextFile(die, "");
  const { child, clock, log } = start(
    'test -e "$DIE" && exit 3; : > "$ALIVE"; until test -e "$DIE"; do sleep 0.01; done; exit 4',
    { DIE: die, ALIVE: alive, PATH: "/usr/bin:/bin" },
  );
  child.keepAlive();
  for (const pauseMs of [500, 1_000, 2_000]) {
    await clock.untilWaiting();
    if (pauseMs === 2_000) await Deno.remove(die);
    clock.advance(pauseMs);
  }
  while (!await exists(alive));
  clock.advance(60_001);
  await Deno.writeTextFile(die, "");
  await clock.untilWaiting();
  assert.deepEqual(log.lines.map(({ fields: { code, pauseMs } }) => [code, pauseMs]), [
    [3, 500],
    [3, 1_000],
    [3, 2_000],
    [4, 500],
  ]);
  await child.stop(never);
});

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

Deno.test("child that ends before it was seen to work is not started again, and says why", async () => {
  const { child, clock, log, complaints } = start(
    "echo 'weir: cannot read \"weir.json\"' >&2; echo 'at line 3' >&2; exit 1",
  );
  assert.equal(await child.firstEnd, 1);
  assert.equal(child.complaint(1), 'cannot read "weir.json"\nat line 3');
  await child.stop(never);
  assert.deepEqual([clock.waiting, log.lines, complaints], [0, [], []]);
});

Deno.test("child that ends without a word is named with its exit code", async () => {
  const { child } = start("exit 7");
  assert.equal(child.complaint(await child.firstEnd), "worker 1 ended with exit code 7");
  await child.stop(never);
});

Deno.test("child's complaints pass once it was seen to work, chatter left out", async () => {
  const { child, complaints } = start(
    "echo early >&2; echo 'oneDNN custom operations are on' >&2; read -r _; printf late >&2",
  );
  while (child.complaint(0) !== "early") await new Promise((resolve) => setImmediate(resolve));
  child.keepAlive();
  assert.deepEqual(complaints, ["early"]);
  await child.stop(never);
  assert.deepEqual(complaints, ["early", "late"]);
});

Deno.test("child has the environment that it is given, and no other", async () => {
  const { child, complaints } = start('echo "$REDIS_URL$HOME" >&2', { REDIS_URL: "redis://x" });
  child.keepAlive();
  await child.firstEnd;
  await child.stop(never);
  assert.deepEqual(complaints, ["redis://x"]);
});
