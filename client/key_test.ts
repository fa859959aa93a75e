import assert from "node:assert/strict";
import { join } from "node:path";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { readKey } from "./key.ts";

const KEY = "weir_2xBji9C99BM31pYnaoIK6YvVO2DuwC3fUI3XNh-rFvM";

Deno.test("the key is a file's, or else the environment's, or there is none", async () => {
  await using temporary = await TemporaryFolder.make("weir-client-test-");
  const { path: folder } = temporary;
  const file = join(folder, "key");
  await Deno.writeTextFile(file, `${KEY}\n`);
  assert.deepEqual(await readKey(file, undefined), { ok: true, value: KEY });
  assert.deepEqual(await readKey(file, "other"), { ok: true, value: KEY });
  assert.deepEqual(await readKey(undefined, KEY), { ok: true, value: KEY });
  assert.deepEqual(await readKey(undefined, undefined), { ok: true, value: undefined });
});

Deno.test("what is no key is told without being shown", async () => {
  assert.deepEqual(await readKey(undefined, "my secret"), {
    ok: false,
    code: "invalid_key",
    detail: "what WEIR_API_KEY holds is not an API key",
  });
  await using temporary = await TemporaryFolder.make("weir-client-test-");
  const { path: folder } = temporary;
  const file = join(folder, "key");
  for (const text of ["", `${KEY}\n${KEY}\n`, "my secret"]) {
    await Deno.writeTextFile(file, text);
    assert.deepEqual(await readKey(file, KEY), {
      ok: false,
      code: "invalid_key",
      detail: `what "${file}" holds is not an API key`,
    });
  }
});

Deno.test("a file that is not there is named", async () => {
  assert.deepEqual(await readKey("/no/such/file", KEY), {
    ok: false,
    code: "unreadable_key",
    detail: 'cannot read "/no/such/file": No such file or directory',
  });
});
