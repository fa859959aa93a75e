import assert from "node:assert/strict";
import { newJob } from "../../shared/testing/broker.ts";
import { Caller } from "./caller.ts";

const digest = new Uint8Array(32);
const client = new Caller({ name: "ada", digest, role: "client", models: ["shapes"] });
const admin = new Caller({ name: "root", digest, role: "admin" });
const anybody = new Caller();

/** A job of an API key, or of nobody. */
function jobOf(owner: string): Parameters<Caller["owns"]>[0] {
  const images = { total: 1, done: 0 };
  const times = { createdAt: 0, deadlineAt: 1, attempts: 0, timings: {} };
  return { id: newJob().id, owner, model: "shapes", state: "queued", images, ...times };
}

Deno.test("a client sees its own jobs, an administrator and, without keys, anybody all", () => {
  for (
    const [caller, name, seen] of [
      [client, "ada", ["ada"]],
      [admin, "root", ["ada", "bob", "root", ""]],
      [anybody, "", ["ada", "bob", "root", ""]],
    ] as const
  ) {
    assert.equal(caller.name, name);
    const found = ["ada", "bob", "root", ""].filter((owner) => caller.owns(jobOf(owner)));
    assert.deepEqual(found, seen);
  }
});

Deno.test("a key that names models may use those alone", () => {
  assert.deepEqual(["shapes", "colour"].map((model) => client.mayUse(model)), [true, false]);
  assert.deepEqual(["shapes", "colour"].map((model) => admin.mayUse(model)), [true, true]);
  assert.deepEqual(["shapes", "colour"].map((model) => anybody.mayUse(model)), [true, true]);
});
