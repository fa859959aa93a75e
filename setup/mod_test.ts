import assert from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../shared/clock.ts";
import { setUp, type SetupReport } from "./mod.ts";
import { recordedProgress } from "./testing/recorded_progress.ts";

const root = join(import.meta.dirname ?? "", "..");

function run(parts: (keyof SetupReport)[], lines = recordedProgress()): Promise<SetupReport> {
  return setUp({
    root,
    env: Deno.env.toObject(),
    progress: lines,
    clock: systemClock,
    parts: new Set(parts),
    signal: new AbortController().signal,
  });
}

Deno.test({
  name: "in this checkout the server and the native addon are found, without a word",
  // Elsewhere the package's own installer may not have succeeded, and Weir runs without.
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const progress = recordedProgress();
    const report = await run(["redisServer", "tensorflowAddon"], progress);
    assert.equal(report.redisServer?.state, "found");
    assert.equal(report.tensorflowAddon?.state, "found");
    assert.deepEqual(progress.lines, []);
  },
});

Deno.test("parts that are not asked for are not looked at", async () => {
  assert.deepEqual(await run([]), {});
  assert.deepEqual(Object.keys(await run(["redisServer"])), ["redisServer"]);
});
