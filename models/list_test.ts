import assert from "node:assert/strict";
import { join } from "node:path";
import { writeColourModel } from "../worker/models/testing/colour_model.ts";
import { listModels } from "./list.ts";
import { Bench } from "./testing/bench.ts";

const INPUT = { width: 4, height: 4 };

Deno.test("list: a line a model, with what is broken below", async () => {
  await using bench = new Bench();
  const settings = { input: INPUT, default: true };
  for (const version of ["1", "2", "10"]) {
    await writeColourModel(bench.repository, "net", { settings, version });
  }
  await writeColourModel(bench.repository, "other", { format: "graph" });
  assert.equal(await listModels(bench.parts()), 0);
  const lines = bench.said.splice(0).join("\n").split("\n").map((line) => line.split(/ {2,}/));
  assert.deepEqual(lines.map((cells) => cells.slice(0, 5)), [
    ["NAME", "VERSION", "FORMAT", "ENGINE", "LABELS"],
    ["net", "10, also 2, 1", "layers", "wasm", "4"],
    ["other", "1", "graph", "wasm", "4"],
  ]);
  assert.deepEqual(lines.map((cells) => cells[6]?.trim()), ["DEFAULT", "default", ""]);

  await Deno.remove(join(bench.repository, "other", "1", "bias.bin"));
  assert.equal(await listModels(bench.parts()), 1);
  const told = bench.said.join("\n");
  assert.match(told, /^net /m);
  assert.match(told, /^other +$/m);
  assert.match(told, /cannot read ".*bias\.bin"/);
});

Deno.test("list: an empty repository is a sentence, a missing one an error", async () => {
  await using bench = new Bench();
  assert.equal(await listModels(bench.parts()), 0);
  assert.match(bench.said[0]!, /^".*models" holds no model$/);
  await Deno.remove(bench.repository);
  await assert.rejects(listModels(bench.parts()), { name: "ModelError" });
});
