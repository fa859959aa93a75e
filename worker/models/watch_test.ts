import assert from "node:assert/strict";
import { join } from "node:path";
import { ManualClock } from "../../shared/testing/manual_clock.ts";
import { STAGING_PREFIX } from "./repository.ts";
import { isChange, RepositoryWatch, SETTLE_MS } from "./watch.ts";

interface Watched extends AsyncDisposable {
  readonly folder: string;
  readonly clock: ManualClock;
  readonly changes: () => number;
  /** Waits until the watch waits for quiet. */
  untilSeen(): Promise<void>;
}

async function watched(): Promise<Watched> {
  const folder = await Deno.makeTempDir({ prefix: "weir-watch-" });
  await Deno.mkdir(join(folder, "model", "1"), { recursive: true });
  const clock = new ManualClock();
  let [changes, seen] = [0, Promise.withResolvers<void>()];
  const telling = {
    after: (ms: number, call: () => void) => {
      seen.resolve();
      return clock.after(ms, call);
    },
  };
  const watch = new RepositoryWatch({ folder, onChange: () => changes++, clock: telling });
  return {
    folder,
    clock,
    changes: () => changes,
    untilSeen: async () => {
      await seen.promise;
      seen = Promise.withResolvers();
    },
    [Symbol.asyncDispose]: async () => {
      watch[Symbol.dispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("a repository that changes tells once, when it has been quiet", async () => {
  await using repository = await watched();
  const { folder, clock, changes, untilSeen } = repository;
  await Deno.mkdir(join(folder, "model", "2"));
  await untilSeen();
  clock.advance(SETTLE_MS - 1);
  assert.equal(changes(), 0);
  // Not in the new folder: what happens there at once the system may miss, and the look finds.
  await Deno.writeTextFile(join(folder, "model", "1", "model.onnx"), "half");
  await untilSeen();
  clock.advance(SETTLE_MS - 1);
  assert.equal(changes(), 0);
  clock.advance(SETTLE_MS);
  assert.equal(changes(), 1);
});

Deno.test("a version that is moved in or removed is seen", async () => {
  await using repository = await watched();
  const { folder, untilSeen } = repository;
  await using staging = await watched();
  await Deno.rename(join(staging.folder, "model", "1"), join(folder, "model", "2"));
  await untilSeen();
  await Deno.remove(join(folder, "model", "2"), { recursive: true });
  await untilSeen();
});

Deno.test("a version that is prepared in the repository is no change before it is in its place", () => {
  const [staged, place] = [`/models/${STAGING_PREFIX}a/model/1`, "/models/model/2"];
  const changes = (kind: Deno.FsEvent["kind"], ...paths: string[]) =>
    isChange({ kind, paths }, "/models");
  assert.equal(changes("modify", `${staged}/model.onnx`), false);
  assert.equal(changes("rename", staged), false);
  assert.equal(changes("rename", staged, place), true);
  assert.equal(changes("rename", place), true);
  assert.equal(changes("access", place), false);
  assert.equal(changes("any"), true);
});

Deno.test("a folder that is not there is not watched", () => {
  const parts = { onChange: () => {}, clock: new ManualClock() };
  assert.throws(() => new RepositoryWatch({ ...parts, folder: "/nowhere/at/all" }));
});
