import assert from "node:assert/strict";
import { join } from "node:path";
import { SCENARIOS } from "../scenarios.ts";
import { type Measured, takenUp, withTable } from "./readme.ts";

const ROOT = join(import.meta.dirname!, "..", "..");
const NAMES = ["roundtrip", "idle"];

const MACHINE = {
  processor: "Abacus",
  cores: 2,
  memoryGiB: 4,
  system: "linux x86_64",
  versions: { deno: "2.9.6" },
};

function measured(name: string, value: number, machine = MACHINE): Measured {
  const figures = [{ name: "a figure", value, goal: { atLeast: 4 }, unit: "×" }];
  return { machine, scenarios: [{ name, figures }] };
}

/** As a report has it. */
function reported(...given: Parameters<typeof measured>): Parameters<typeof takenUp>[1] {
  const { machine, scenarios } = measured(...given);
  const rest = { method: "", tables: [], plots: [] };
  return { quick: false, machine, scenarios: scenarios.map((one) => ({ ...one, ...rest })) };
}

Deno.test("the README's table is the one of the figures that are kept", async () => {
  const readme = await Deno.readTextFile(join(ROOT, "README.md"));
  const kept = JSON.parse(await Deno.readTextFile(join(ROOT, "bench", "measured.json")));
  assert.equal(withTable(readme, kept), readme, "run: deno task bench --readme");
  const names = SCENARIOS.map(({ name }) => name);
  for (const { name } of kept.scenarios) assert(names.includes(name), `${name} is no scenario`);
});

Deno.test("a report replaces its scenarios, and the others stay in their order", () => {
  const first = takenUp(undefined, reported("idle", 5), NAMES);
  const both = takenUp(first, reported("roundtrip", 4.5), NAMES);
  assert.deepEqual(both.scenarios.map(({ name }) => name), NAMES);
  const again = takenUp(both, reported("idle", 6), NAMES);
  assert.deepEqual(again.scenarios, [
    ...measured("roundtrip", 4.5).scenarios,
    ...measured("idle", 6).scenarios,
  ]);
});

Deno.test("figures of another machine or other versions do not stay", () => {
  const other = { ...MACHINE, versions: { deno: "2.9.7" } };
  const taken = takenUp(measured("idle", 5), reported("roundtrip", 4.5, other), NAMES);
  assert.deepEqual(taken, measured("roundtrip", 4.5, other));
});

Deno.test("the table says what was measured, what was promised, and what was missed", () => {
  const begin = "# Weir\n\n<!-- measured: deno task bench --readme -->\n";
  const end = "<!-- /measured -->\n\nMore.\n";
  const text = withTable(`${begin}old\n${end}`, measured("idle", 3.21));
  assert(text.startsWith(begin) && text.endsWith(end), text);
  assert.match(text, /\| `idle` +\| a figure \| 3\.21 × \(missed\) \| ≥ 4 × \|\n/);
  assert.match(text, /Abacus, 2 cores, 4 GiB; deno 2\.9\.6\.\n/);
  assert.equal(withTable(text, measured("idle", 3.21)), text);
  assert.throws(() => withTable("# Weir\n", measured("idle", 5)), /are gone/);
});
