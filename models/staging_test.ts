import assert from "node:assert/strict";
import { join } from "node:path";
import { Staging } from "./staging.ts";
import { snapshot } from "./testing/snapshot.ts";

/** A repository of a file and a folder. */
async function repository(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "weir-staging-test-" });
  await Deno.writeTextFile(join(path, "file"), "old", { mode: 0o640 });
  await Deno.mkdir(join(path, "folder", "below"), { recursive: true });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Plans a change of each kind. */
async function plan(staging: Staging): Promise<void> {
  const { repository } = staging;
  await staging.rewrite(join(repository, "file"), "new");
  staging.move(await staging.folder("added"), join(repository, "added"));
  staging.discard(join(repository, "folder"));
}

Deno.test("staging: what is planned happens with the commit, not before", async () => {
  await using temp = await repository();
  const before = await snapshot(temp.path);
  await Staging.change(temp.path, plan);
  assert.deepEqual(await snapshot(temp.path), before);
  await Staging.change(temp.path, async (staging) => {
    await plan(staging);
    await staging.commit();
  });
  const after = await snapshot(temp.path);
  assert.deepEqual(Object.keys(after).sort(), ["added", "file"]);
  assert.equal(await Deno.readTextFile(join(temp.path, "file")), "new");
  assert.equal((await Deno.stat(join(temp.path, "file"))).mode! & 0o777, 0o640);
});

Deno.test("staging: a step that fails takes the ones before it back", async () => {
  await using temp = await repository();
  const before = await snapshot(temp.path);
  await assert.rejects(
    Staging.change(temp.path, async (staging) => {
      await plan(staging);
      staging.move(join(staging.path, "none"), join(staging.repository, "none"));
      await staging.commit();
    }),
    { name: "NotFound" },
  );
  assert.deepEqual(await snapshot(temp.path), before);
});

Deno.test("staging: the lock ends with the change, however that ends", async () => {
  await using temp = await repository();
  await Staging.change(temp.path, async () => {
    await assert.rejects(Staging.change(temp.path, plan), { message: /another command/ });
  });
  await assert.rejects(Staging.change(temp.path, () => Promise.reject(new RangeError("x"))), {
    name: "RangeError",
  });
  await Staging.change(temp.path, plan);
});
