import assert from "node:assert/strict";
import { AddonCache, type AddonCacheOptions, cacheFolder } from "./addon_cache.ts";
import { type Scratch, scratch } from "./testing/scratch.ts";

const { signal } = new AbortController();
const HOUR_MS = 3_600_000;

function cacheIn(folder: Scratch, options: Partial<AddonCacheOptions> = {}): AddonCache {
  return new AddonCache(folder.path("cache"), { wall: Date.now, onWait: () => {}, ...options });
}

async function smallTree(folder: Scratch): Promise<string> {
  await folder.write("tree/lib/napi-v8/tfjs_binding.node", "binding");
  await folder.write("tree/deps/lib/libtensorflow_cc.so.2", "library");
  return folder.path("tree");
}

Deno.test("the cache lies where the system keeps a user's caches", () => {
  assert.equal(cacheFolder({ XDG_CACHE_HOME: "/c", HOME: "/h" }, "linux", "/r"), "/c/weir");
  assert.equal(cacheFolder({ XDG_CACHE_HOME: "", HOME: "/h" }, "linux", "/r"), "/h/.cache/weir");
  assert.equal(cacheFolder({ HOME: "/h" }, "darwin", "/r"), "/h/Library/Caches/weir");
  assert.equal(cacheFolder({}, "linux", "/r"), "/r/.weir/cache", "a service has no home");
});

Deno.test("an entry is complete or not there", async () => {
  await using folder = await scratch();
  const cache = cacheIn(folder);
  await using _lock = await cache.lock({ signal });
  assert.equal(await cache.entry("wheel-1"), undefined);
  const entry = await cache.put("wheel-1", await smallTree(folder));
  assert.equal(await cache.entry("wheel-1"), entry);
  await Deno.remove(`${entry}/deps/lib/libtensorflow_cc.so.2`);
  assert.equal(await cache.entry("wheel-1"), undefined);
});

Deno.test("an entry is replaced and removed", async () => {
  await using folder = await scratch();
  const cache = cacheIn(folder);
  await using _lock = await cache.lock({ signal });
  const entry = await cache.put("wheel-1", await smallTree(folder));
  await Deno.remove(`${entry}/lib`, { recursive: true });
  assert.equal(await cache.put("wheel-1", await smallTree(folder)), entry);
  assert.equal(await cache.entry("wheel-1"), entry);
  await cache.remove("wheel-1");
  assert.equal(await cache.entry("wheel-1"), undefined);
});

Deno.test("a second set-up waits for the lock until the first gives it back", async () => {
  await using folder = await scratch();
  const waiting = Promise.withResolvers<void>();
  const order: string[] = [];
  const first = await cacheIn(folder).lock({ signal });
  const second = cacheIn(folder, { onWait: waiting.resolve }).lock({ signal }).then((lock) => {
    order.push("second has the lock");
    return lock;
  });
  await waiting.promise;
  order.push("first gives it back");
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
  assert.deepEqual(order, ["first gives it back", "second has the lock"]);
});

Deno.test("a set-up that was killed holds no lock, and its work is cleared", async () => {
  await using folder = await scratch();
  const module = new URL("./addon_cache.ts", import.meta.url).href;
  const killed = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { AddonCache } from ${JSON.stringify(module)};
       const cache = new AddonCache(${JSON.stringify(folder.path("cache"))}, {
         wall: Date.now, onWait: () => {} });
       await cache.lock({ signal: new AbortController().signal });
       const work = await cache.workFolder();
       await Deno.writeTextFile(work + "/half.whl", "half");
       await Deno.stdout.write(new TextEncoder().encode(work));
       setInterval(() => {}, 1000);`,
    ],
    cwd: import.meta.dirname ?? ".",
    stdout: "piped",
  }).spawn();
  const reader = killed.stdout.getReader();
  const work = new TextDecoder().decode((await reader.read()).value);
  assert.ok((await Deno.stat(`${work}/half.whl`)).isFile);
  killed.kill("SIGKILL");
  await killed.status;
  await reader.cancel();

  await using _lock = await cacheIn(folder).lock({ signal });
  await assert.rejects(Deno.stat(work), Deno.errors.NotFound);
});

Deno.test("work folders go with the lock", async () => {
  await using folder = await scratch();
  const cache = cacheIn(folder);
  const lock = await cache.lock({ signal });
  const work = await cache.workFolder();
  assert.ok((await Deno.stat(work)).isDirectory);
  await lock[Symbol.asyncDispose]();
  await assert.rejects(Deno.stat(work), Deno.errors.NotFound);
});

Deno.test("a failure is remembered for a day", async () => {
  await using folder = await scratch();
  let now = Date.parse("2026-01-01T00:00:00Z");
  const cache = cacheIn(folder, { wall: () => now });
  await using _lock = await cache.lock({ signal });
  assert.equal(await cache.failure("wheel-1"), undefined);
  await cache.noteFailure("wheel-1", "pip cannot download");
  assert.equal(
    await cache.failure("wheel-1"),
    "pip cannot download (to be tried again after 2026-01-02T00:00:00.000Z, " +
      `or once "${folder.path("cache", "wheel-1.failed")}" is deleted)`,
  );
  assert.equal(await cache.failure("wheel-2"), undefined);
  now += 24 * HOUR_MS;
  assert.equal(await cache.failure("wheel-1"), undefined);
});

Deno.test("a success forgets the failure", async () => {
  await using folder = await scratch();
  const cache = cacheIn(folder);
  await using _lock = await cache.lock({ signal });
  await cache.noteFailure("wheel-1", "pip cannot download");
  await cache.put("wheel-1", await smallTree(folder));
  assert.equal(await cache.failure("wheel-1"), undefined);
});
