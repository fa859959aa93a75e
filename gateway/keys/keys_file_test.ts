import assert from "node:assert/strict";
import type { ApiKey } from "./api_key.ts";
import { parseKeys } from "./keys_file.ts";

const [A, B] = ["a".repeat(64), "b".repeat(64)];

function keys(...lines: readonly string[]): readonly ApiKey[] {
  const read = parseKeys(lines.join("\n"));
  assert(read.ok, read.ok ? "" : read.faults.join("\n"));
  return read.keys;
}

function faults(...lines: readonly string[]): readonly string[] {
  const read = parseKeys(lines.join("\n"));
  return read.ok ? [] : read.faults;
}

/** A line with a name and a digest, and fields besides. */
function line(fields: object = {}): string {
  return JSON.stringify({ name: "ada", sha256: A, ...fields });
}

Deno.test("a line of a name and a digest is a client's, without bounds", () => {
  assert.deepEqual(keys(line()), [
    { name: "ada", digest: Uint8Array.fromHex(A), role: "client" },
  ]);
});

Deno.test("a line may have a role, models and a quota", () => {
  const quota = { requests: 100, bytes: 5_000_000, windowSeconds: 3600, concurrency: 4 };
  const [key] = keys(line({ role: "admin", models: ["shapes", "colour"], quota }));
  assert.deepEqual([key?.role, key?.models], ["admin", ["shapes", "colour"]]);
  assert.deepEqual(key?.quota, {
    requestsMax: 100,
    bytesMax: 5_000_000,
    windowMs: 3_600_000,
    jobsMax: 4,
  });
});

Deno.test("a window is a minute where the line says nothing", () => {
  assert.deepEqual(keys(line({ quota: { requests: 1 } }))[0]?.quota, {
    requestsMax: 1,
    windowMs: 60_000,
  });
});

Deno.test("empty lines and comments are passed over, whatever the line ends are", () => {
  const names = keys("# keys", "", `${line()}\r`, "  ", line({ name: "bob", sha256: B }), "")
    .map(({ name }) => name);
  assert.deepEqual(names, ["ada", "bob"]);
  assert.deepEqual(keys("# nobody"), []);
});

Deno.test("a file without anything may be one that is just being written", () => {
  for (const text of ["", " \n\n"]) assert.deepEqual(faults(text), ["is empty"]);
});

const bad: [text: string, fault: string][] = [
  ["weir_secret", "is not a JSON object"],
  ["[]", "Invalid input: expected object, received array"],
  [line({ name: "a b" }), '"name": may have 1 to 64 letters, digits and . _ -'],
  [line({ name: "a}b" }), '"name": may have 1 to 64 letters, digits and . _ -'],
  [line({ sha256: "weir_secret" }), '"sha256": is not a SHA-256 digest of 64 hexadecimal digits'],
  [line({ sha256: undefined }), '"sha256": Invalid input: expected string, received undefined'],
  [line({ role: "root" }), '"role": Invalid option: expected one of "client"|"admin"'],
  [line({ models: [] }), '"models": Too small: expected array to have >=1 items'],
  [line({ modles: ["x"] }), 'unknown field "modles", the nearest valid one is "models"'],
  [line({ quota: {} }), '"quota": has none of requests, bytes and concurrency'],
  [line({ quota: { requests: 0 } }), '"quota.requests": Too small: expected number to be >=1'],
  [
    line({ quota: { requests: 1, windowSecond: 5 } }),
    'unknown field "quota.windowSecond", the nearest valid one is "quota.windowSeconds"',
  ],
];

for (const [text, fault] of bad) {
  Deno.test(`a line is refused where ${fault}`, () => {
    assert.deepEqual(faults("# first", text), [`line 2: ${fault}`]);
    assert.doesNotMatch(faults(text).join(), /secret/);
  });
}

Deno.test("every fault of every line is told at once", () => {
  const told = faults(line({ name: "", role: "x" }), "{", line({ sha256: B }));
  assert.deepEqual(told.map((fault) => fault.split(":")[0]), ["line 1", "line 1", "line 2"]);
});

Deno.test("names and digests are unique", () => {
  assert.deepEqual(faults(line(), "", line({ sha256: B })), [
    'line 3: "name" is already on line 1',
  ]);
  assert.deepEqual(faults(line(), line({ name: "b" })), ['line 2: "sha256" is already on line 1']);
});
