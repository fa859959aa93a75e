import assert from "node:assert/strict";
import { join } from "node:path";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { Staging } from "./staging.ts";
import { CutOffs } from "./testing/cut_offs.ts";
import { snapshot } from "./testing/snapshot.ts";

/** A repository of a file and a folder. */
async function repository(): Promise<TemporaryFolder> {
  const folder = await TemporaryFolder.make("weir-staging-test-");
  const { path } = folder;
  await Deno.writeTextFile(join(path, "file"), "old", { mode: 0o640 });
  await Deno.mkdir(join(path, "folder", "below"), { recursive: true });
  return folder;
}

/** Makes a change; gives what was said of the one before it. */
async function change(
  path: string,
  work: (staging: Staging) => Promise<void> = () => Promise.resolve(),
): Promise<string[]> {
  const said: string[] = [];
  await Staging.change(path, work, (line) => said.push(line));
  return said;
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
  await change(temp.path, plan);
  assert.deepEqual(await snapshot(temp.path), before);
  await change(temp.path, async (staging) => {
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
    change(temp.path, planAndFail),
    NO_FOLDER,
  );
  assert.deepEqual(await snapshot(temp.path), before);
});

const NO_FOLDER = { name: "NotADirectory" };

/** A change whose last step cannot be taken: a folder cannot take a file's place. */
async function planAndFail(staging: Staging): Promise<void> {
  await plan(staging);
  staging.move(await staging.folder("more"), join(staging.repository, "file"));
  await staging.commit();
}

Deno.test("staging: what was killed at any step is taken back by the next change, or was done", async () => {
  await using temp = await repository();
  const before = await snapshot(temp.path);
  await using cut = await CutOffs.of(temp.path, () =>
    change(temp.path, async (staging) => {
      await plan(staging);
      await staging.commit();
    }));
  const after = await snapshot(temp.path);
  const [found, said]: [unknown[], number[]] = [[], []];
  for (const path of cut.repositories) {
    said.push((await change(path)).length);
    found.push(await snapshot(path));
  }
  // Before the journal, before each of three steps, before the journal goes and all that is left.
  assert.deepEqual(found, [before, before, before, before, after, after]);
  assert.deepEqual(said, [0, 0, 1, 1, 0, 0]);
});

Deno.test("staging: what was killed while it was taken back is taken back", async () => {
  await using temp = await repository();
  const before = await snapshot(temp.path);
  await using cut = await CutOffs.of(
    temp.path,
    () => assert.rejects(change(temp.path, planAndFail), NO_FOLDER),
  );
  // The journal and four steps, four taken back, the journal's end and that of all that is left.
  assert.equal(cut.repositories.length, 10);
  for (const path of cut.repositories) {
    await using again = await CutOffs.of(path, () => change(path));
    for (const repository of [path, ...again.repositories]) {
      await change(repository);
      assert.deepEqual(await snapshot(repository), before);
    }
  }
});

Deno.test("staging: a repository that is not there is a sentence", async () => {
  await assert.rejects(change("/no/such/folder"), {
    name: "ModelError",
    message: 'cannot change "/no/such/folder": no such file or folder',
  });
});

Deno.test("staging: the lock ends with the change, however that ends", async () => {
  await using temp = await repository();
  await change(temp.path, async () => {
    await assert.rejects(change(temp.path, plan), { message: /another command/ });
  });
  await assert.rejects(change(temp.path, () => Promise.reject(new RangeError("x"))), {
    name: "RangeError",
  });
  await change(temp.path, plan);
});
