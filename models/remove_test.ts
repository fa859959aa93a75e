import assert from "node:assert/strict";
import { join } from "node:path";
import { ModelError } from "../worker/models/model_error.ts";
import { openRepository } from "../worker/models/repository.ts";
import { writeColourModel } from "../worker/models/testing/colour_model.ts";
import { removeModel, type RemoveOptions } from "./remove.ts";
import { Bench } from "./testing/bench.ts";
import { CutOffs } from "./testing/cut_offs.ts";
import { snapshot } from "./testing/snapshot.ts";

const INPUT = { width: 4, height: 4 };

/** A bench whose repository has models of these names, the first the default one. */
async function benchWith(...names: readonly string[]): Promise<Bench> {
  const bench = new Bench();
  for (const name of names) {
    const settings = { input: INPUT, default: name === names[0] };
    await writeColourModel(bench.repository, name, { settings });
  }
  return bench;
}

async function left(bench: Bench): Promise<[string, string, boolean][]> {
  const models = await openRepository(bench.repository);
  return models.map(({ name, version, config }) => [name, version, config.default]);
}

async function assertRefuses(
  bench: Bench,
  options: RemoveOptions,
  sentence: RegExp,
): Promise<void> {
  const before = await bench.snapshot();
  await assert.rejects(removeModel(options, bench.parts()), (error: Error) => {
    assert(error instanceof ModelError, String(error.stack));
    assert.match(error.message, sentence);
    return true;
  });
  assert.deepEqual(await bench.snapshot(), before);
  assert.deepEqual(bench.said, []);
}

Deno.test("remove: a model goes with all its versions", async () => {
  await using bench = await benchWith("a", "b", "c");
  await writeColourModel(bench.repository, "b", { version: "2" });
  await removeModel({ name: "b" }, bench.parts());
  assert.deepEqual(await left(bench), [["a", "1", true], ["c", "1", false]]);
  assert.deepEqual(bench.said, ['removed "b"']);
  const names = await Array.fromAsync(Deno.readDir(bench.repository), ({ name }) => name);
  assert.deepEqual(names.sort(), ["a", "c"]);
});

Deno.test("remove: a model that cannot be served goes too", async () => {
  await using bench = await benchWith("a", "b");
  await Deno.writeTextFile(join(bench.repository, "b", "weir.json"), "{");
  await removeModel({ name: "b" }, bench.parts());
  assert.deepEqual(await left(bench), [["a", "1", true]]);
});

Deno.test("remove: the default goes only where another is named, or one alone is left", async () => {
  await using bench = await benchWith("a", "b", "c");
  await assertRefuses(bench, { name: "a" }, /of "b", "c" one has to be the default: .* --default$/);
  await assertRefuses(bench, { name: "a", default: "a" }, /it is the one to be removed$/);
  await removeModel({ name: "a", default: "c" }, bench.parts());
  assert.deepEqual(await left(bench), [["b", "1", false], ["c", "1", true]]);
  await removeModel({ name: "c" }, bench.parts());
  assert.deepEqual(await left(bench), [["b", "1", true]]);
  assert.equal((await bench.settings("b")).default, true);
});

Deno.test("remove: what is not there, or the last that is, is a sentence", async () => {
  await using bench = await benchWith("a");
  await assertRefuses(bench, { name: "z" }, /cannot find model "z": the models are "a"$/);
  await assertRefuses(bench, { name: "a", default: "z" }, /cannot find model "z"/);
  await assertRefuses(bench, { name: "a" }, /it is the only model of /);
  await assertRefuses(bench, { name: "a", version: 2 }, /version 2 of "a": the versions are 1$/);
  await assertRefuses(bench, { name: "a", version: 1 }, /it is the only one, remove the model$/);
});

Deno.test("remove: a version goes with its digests, and the one before it is served", async () => {
  await using bench = await benchWith("a");
  const from = await writeColourModel(bench.path("from"), "a", { settings: { input: INPUT } });
  await bench.add({ source: from, name: "a", version: 2 });
  await bench.add({ source: from, name: "a", version: 20 });
  await removeModel({ name: "a", version: 2 }, bench.parts());
  assert.deepEqual(Object.keys((await bench.settings("a")).sha256), [
    "20/bias.bin",
    "20/kernel.bin",
    "20/model.json",
  ]);
  await removeModel({ name: "a", version: 20 }, bench.parts());
  assert.deepEqual(await left(bench), [["a", "1", true]]);
  assert.equal(bench.said.at(-1), 'removed version 20 of "a", version 1 is served');
});

Deno.test("remove: a version stays where nothing could be served without it", async () => {
  await using bench = await benchWith("a");
  await writeColourModel(bench.repository, "a", { version: "2" });
  const settings = { input: INPUT, rollout: { version: "1", percent: 10 } };
  await Deno.writeTextFile(join(bench.repository, "a", "weir.json"), JSON.stringify(settings));
  await assertRefuses(bench, { name: "a", version: 1 }, /models\/a": "rollout\.version" is "1"/);
});

Deno.test("remove: what was killed at any step is done by the same command, given again", async () => {
  await using bench = await benchWith("a", "b", "c");
  const before = await bench.snapshot();
  const remove = (repository: string) =>
    removeModel({ name: "a", default: "c" }, bench.partsOf(repository));
  await using cut = await CutOffs.of(bench.repository, () => remove(bench.repository));
  const after = await bench.snapshot();
  const told: string[] = [];
  for (const repository of cut.repositories) {
    bench.said.length = 0;
    await remove(repository).catch(({ message }: Error) => bench.said.push(message));
    assert.deepEqual(await snapshot(repository), after);
    told.push(bench.said.join("; "));
  }
  const tookBack = "took back what a command had changed that was killed in the middle";
  assert.deepEqual(told, [
    'removed "a"',
    'removed "a"',
    `${tookBack}; removed "a"`,
    ...Array(2).fill('cannot find model "a": the models are "b", "c"'),
  ]);
  assert.notDeepEqual(before, after);
});
