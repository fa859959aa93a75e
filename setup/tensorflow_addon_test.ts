import assert from "node:assert/strict";
import { join } from "node:path";
import { AddonCache } from "./addon_cache.ts";
import type { AddonSource, Made } from "./addon_source.ts";
import { copyTree, removePath, treeSource } from "./addon_tree.ts";
import type { PartReport } from "./part_report.ts";
import { Programs } from "./programs.ts";
import {
  provideTensorFlowAddon,
  type TensorFlowAddon,
  tfjsNodePackage,
} from "./tensorflow_addon.ts";
import { recordedProgress } from "./testing/recorded_progress.ts";
import { type Scratch, scratch } from "./testing/scratch.ts";

const { signal } = new AbortController();
const root = join(import.meta.dirname ?? "", "..");
const programs = new Programs(Deno.env.toObject());
const KEY = "source-1";

/** The addon of this checkout, which set-up provides before the tests run. */
async function realAddon(): Promise<string> {
  const real = await tfjsNodePackage(root);
  assert.ok(real !== undefined);
  assert.ok(await treeSource(real.folder) !== undefined, "set-up ran before the tests");
  return real.folder;
}

/** A second checkout on the same file system: its own npm packages, no addon, an empty cache. */
async function secondCheckout(): Promise<Scratch & { packageFolder: string; cache: AddonCache }> {
  const folder = await scratch(join(root, ".weir"));
  for (const name of ["deno.json", "deno.lock"]) {
    await Deno.copyFile(join(root, name), folder.path(name));
  }
  const run = await programs.run(Deno.execPath(), ["install", "--quiet"], {
    cwd: folder.folder,
    signal,
  });
  assert.ok(run.ok, run.stderr);
  const installed = await tfjsNodePackage(folder.folder);
  assert.ok(installed !== undefined);
  const cache = new AddonCache(folder.path("cache"), { wall: Date.now, onWait: () => {} });
  return { ...folder, packageFolder: installed.folder, cache };
}

/** A source that yields what the test says, and counts how often it is asked. */
function source(make: (work: string) => Promise<Made>): AddonSource & { calls: number } {
  return {
    key: KEY,
    title: "a source of the test",
    state: "built",
    calls: 0,
    obstacle: () => Promise.resolve(undefined),
    make(work): Promise<Made> {
      this.calls++;
      return make(work);
    },
  };
}

function provide(
  checkout: { packageFolder: string; cache: AddonCache },
  ...sources: AddonSource[]
): Promise<PartReport<TensorFlowAddon>> {
  const { packageFolder, cache } = checkout;
  const progress = recordedProgress();
  return provideTensorFlowAddon({ packageFolder, cache, sources, programs, progress, signal });
}

const copyOfRealAddon = async (work: string): Promise<Made> => {
  await copyTree(await realAddon(), join(work, "tree"));
  return { tree: join(work, "tree") };
};

Deno.test("a checkout without the addon gets it made once, then finds it", async () => {
  await using checkout = await secondCheckout();
  const working = source(copyOfRealAddon);
  assert.deepEqual(await provide(checkout, working), { state: "built", source: KEY });
  assert.deepEqual(await provide(checkout, working), { state: "found", source: KEY });
  assert.equal(working.calls, 1);
});

Deno.test("a checkout gets from the cache what another one has made", async () => {
  await using checkout = await secondCheckout();
  const working = source(copyOfRealAddon);
  await provide(checkout, working);
  // As npm lays the package anew, or a set-up was killed while it laid the addon.
  await removePath(join(checkout.packageFolder, "lib"));
  assert.deepEqual(await provide(checkout, working), { state: "installed", source: KEY });
  assert.equal(working.calls, 1);
});

Deno.test("an addon that someone else laid is kept where it computes", async () => {
  await using checkout = await secondCheckout();
  await copyTree(await realAddon(), checkout.packageFolder);
  const working = source(copyOfRealAddon);
  assert.deepEqual(await provide(checkout, working), { state: "found", source: "as found" });
  assert.deepEqual(await provide(checkout, working), { state: "found", source: "as found" });
  assert.equal(working.calls, 0);
});

Deno.test("an addon that does not compute is replaced, in the package and in the cache", async () => {
  await using checkout = await secondCheckout();
  await checkout.write("broken/lib/napi-v8/tfjs_binding.node", "not a library");
  await checkout.write("broken/deps/lib/libtensorflow_cc.so.2", "not a library");
  await copyTree(checkout.path("broken"), checkout.packageFolder);
  await (await checkout.cache.lock({ signal }))[Symbol.asyncDispose]();
  await checkout.cache.put(KEY, checkout.path("broken"));
  const working = source(copyOfRealAddon);
  assert.deepEqual(await provide(checkout, working), { state: "built", source: KEY });
  assert.equal(await treeSource(checkout.packageFolder), KEY);
});

Deno.test("where no source works the report says why, and the next set-up does not try again", async () => {
  await using checkout = await secondCheckout();
  const offline = source(() => Promise.resolve({ fault: "cannot reach the host" }));
  const unable: AddonSource = {
    ...source(() => Promise.reject(new Error("made in spite of its obstacle"))),
    key: "source-2",
    obstacle: () => Promise.resolve("install g++"),
  };
  assert.deepEqual(await provide(checkout, offline, unable), {
    state: "missing",
    reason: "cannot reach the host; install g++",
  });
  const again = await provide(checkout, offline, unable);
  assert.ok(again.state === "missing");
  assert.match(
    again.reason,
    /^cannot reach the host \(to be tried again after .*\); install g\+\+$/,
  );
  assert.equal(offline.calls, 1);
});
