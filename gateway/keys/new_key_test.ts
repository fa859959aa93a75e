import assert from "node:assert/strict";
import { join } from "node:path";
import { findKey } from "./api_key.ts";
import { KeysFileError } from "./key_ring.ts";
import { parseKeys } from "./keys_file.ts";
import { addKey, makeKey } from "./new_key.ts";

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "weir-keys-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("a key is found by its line, which does not have it", () => {
  const quota = { requests: 5, windowSeconds: 30 };
  const { key, line } = makeKey({ name: "ada", role: "admin", models: ["shapes"], quota });
  const read = parseKeys(line);
  assert(read.ok);
  const found = findKey(read.keys, key);
  assert.deepEqual([found?.name, found?.role, found?.models], ["ada", "admin", ["shapes"]]);
  assert.deepEqual(found?.quota, { requestsMax: 5, windowMs: 30_000 });
  assert(!line.includes(key.slice("weir_".length)));
});

Deno.test("a key that no file could have is not made", () => {
  assert.throws(() => makeKey({ name: "a b", models: [] }), (error: Error) => {
    assert(error instanceof KeysFileError);
    assert.match(error.message, /^cannot make a key: "name": .+; "models": /);
    return true;
  });
});

Deno.test("a file is made for its owner alone, and keeps what it has", async () => {
  await using temp = await folder();
  const file = join(temp.path, "keys.jsonl");
  const lines = ["ada", "bob"].map((name) => makeKey({ name }).line);
  for (const line of lines) await addKey(file, line);
  assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
  await Deno.writeTextFile(file, `# ours\n${lines[0]}`, { mode: 0o640 });
  await addKey(file, lines[1]!);
  assert.equal(await Deno.readTextFile(file), `# ours\n${lines.join("\n")}\n`);
  assert.equal((await Deno.stat(file)).mode! & 0o777, 0o640);
});

Deno.test("keys that are added at once are all there", async () => {
  await using temp = await folder();
  const file = join(temp.path, "keys.jsonl");
  const names = Array.from({ length: 20 }, (_, i) => `key${i}`);
  await Promise.all(names.map((name) => addKey(file, makeKey({ name }).line)));
  const read = parseKeys(await Deno.readTextFile(file));
  assert(read.ok);
  assert.deepEqual(read.keys.map(({ name }) => name).sort(), names.sort());
});

Deno.test("a name that is taken, or a file with a fault, is left as it is", async () => {
  await using temp = await folder();
  const file = join(temp.path, "keys.jsonl");
  const { line } = makeKey({ name: "ada" });
  for (
    const [text, fault] of [
      [`${line}\n`, 'line 2: "name" is already on line 1'],
      ["{}\n", 'line 1: "name": '],
    ] as const
  ) {
    await Deno.writeTextFile(file, text);
    await assert.rejects(addKey(file, makeKey({ name: "ada" }).line), (error: Error) => {
      assert(error instanceof KeysFileError);
      assert(error.message.startsWith(`cannot add to "${file}": ${fault}`), error.message);
      return true;
    });
    assert.equal(await Deno.readTextFile(file), text);
  }
  const nowhere = join(temp.path, "none", "keys.jsonl");
  await assert.rejects(addKey(nowhere, line), {
    name: "KeysFileError",
    message: `cannot add to "${nowhere}": No such file or directory`,
  });
});
