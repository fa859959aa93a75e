import assert from "node:assert/strict";
import type { JobId } from "../shared/job.ts";
import { ModelTable, placeOf } from "./model_table.ts";
import { MODEL, testModel } from "./testing/jobs.ts";

/** A job whose id begins with these bits. */
function jobAt(bits: number): { model: string; id: JobId } {
  const head = bits.toString(16).padStart(8, "0");
  return { model: MODEL, id: `3-${head}-0000-4000-8000-000000000000` as JobId };
}

Deno.test("an id's place is its first 32 bits, evenly from 0 to 100, on any shard", () => {
  assert.equal(placeOf(jobAt(0).id), 0);
  assert.equal(placeOf(jobAt(2 ** 31).id), 50);
  assert(placeOf(jobAt(2 ** 32 - 1).id) < 100);
  assert.equal(placeOf(jobAt(2 ** 30).id.replace(/^3/, "0") as JobId), 25);
});

Deno.test("a version that is rolled out gets the jobs below its percentage, and no others", () => {
  const [main, next] = [testModel({ version: "1" }).served, testModel().served];
  using table = new ModelTable();
  const versionAt = (bits: number) => table.take(jobAt(bits))!.card.version;
  table.set(MODEL, { main, rollout: { model: next, percent: 25 } });
  assert.deepEqual([0, 2 ** 30 - 1, 2 ** 30, 2 ** 32 - 1].map(versionAt), ["2", "2", "1", "1"]);
  table.set(MODEL, { main, rollout: { model: next, percent: 0 } });
  assert.deepEqual([0, 2 ** 32 - 1].map(versionAt), ["1", "1"]);
  table.set(MODEL, { main, rollout: { model: next, percent: 100 } });
  assert.deepEqual([0, 2 ** 32 - 1].map(versionAt), ["2", "2"]);
  assert.deepEqual(table.cards.map(({ version }) => version), ["1", "2"]);
});

Deno.test("a job that wants a version by its number gets that one, or none", () => {
  const [main, next] = [testModel({ version: "1" }).served, testModel().served];
  using table = new ModelTable();
  table.set(MODEL, { main, rollout: { model: next, percent: 0 } });
  const wanting = (version: string) => table.take({ ...jobAt(0), version });
  assert.deepEqual(["1", "2", "3"].map(wanting), [main, next, undefined]);
});

Deno.test("a version that is replaced is unloaded with its last job, and not before", () => {
  const [old, next] = [testModel({ version: "1" }), testModel()];
  using table = new ModelTable();
  table.set(MODEL, { main: old.served });
  const [first, second] = [table.take(jobAt(1))!, table.take(jobAt(2))!];
  table.set(MODEL, { main: next.served });
  assert.equal(table.take(jobAt(1)), next.served);
  table.release(first);
  assert.equal(old.unloaded, false);
  table.release(second);
  assert.equal(old.unloaded, true);
  table.release(next.served);
  assert.equal(next.unloaded, false);
});

Deno.test("a version without jobs is unloaded when it is replaced, one that stays is not", () => {
  const [first, second, third] = ["1", "2", "3"].map((version) => testModel({ version }));
  using table = new ModelTable();
  table.set(MODEL, { main: first!.served, rollout: { model: second!.served, percent: 10 } });
  table.set(MODEL, { main: second!.served, rollout: { model: third!.served, percent: 10 } });
  assert.deepEqual([first, second, third].map((model) => model!.unloaded), [true, false, false]);
});

Deno.test("a table that goes unloads all it has, also what jobs still hold", () => {
  const [old, next] = [testModel({ version: "1" }), testModel()];
  {
    using table = new ModelTable();
    table.set(MODEL, { main: old.served });
    table.take(jobAt(1));
    table.set(MODEL, { main: next.served });
  }
  assert.deepEqual([old.unloaded, next.unloaded], [true, true]);
});
