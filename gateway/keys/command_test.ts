import assert from "node:assert/strict";
import { keyCommand, type KeyFields } from "./command.ts";

async function fieldsOf(...args: readonly string[]): Promise<KeyFields | undefined> {
  let given: KeyFields | undefined;
  const command = keyCommand((fields) => {
    given = fields;
    return Promise.resolve();
  });
  await command.parseAsync(["new", ...args], { from: "user" });
  return given;
}

Deno.test("the flags of a new key are its entry's fields", async () => {
  assert.deepEqual(await fieldsOf("ada"), { name: "ada" });
  assert.deepEqual(
    await fieldsOf(
      ...["root", "--role", "admin", "--models", "shapes,colour", "--requests", "100"],
      ...["--bytes", "5000000000", "--window", "3600", "--concurrency", "4"],
    ),
    {
      name: "root",
      role: "admin",
      models: ["shapes", "colour"],
      quota: { requests: 100, bytes: 5_000_000_000, windowSeconds: 3600, concurrency: 4 },
    },
  );
});
