import assert from "node:assert/strict";
import type { Figure } from "../scenario.ts";
import { htmlOf } from "./html.ts";
import { type Report, shown, textOf } from "./text.ts";

const FIGURES: readonly Figure[] = [
  { name: "throughput", value: 4.321, goal: { atLeast: 4 }, unit: "×" },
  { name: "latency", value: 3.5, goal: { atMost: 3 }, unit: "ms" },
  { name: "beside it", value: 7, unit: "ms" },
];

const REPORT: Report = {
  quick: false,
  machine: {
    processor: "Abacus <2>",
    cores: 2,
    memoryGiB: 4,
    system: "linux x86_64",
    versions: { deno: "2.9.6" },
  },
  scenarios: [{
    name: "roundtrip",
    method: "There and back.",
    tables: [{
      title: "In memory",
      columns: ["system", "jobs/s"],
      rows: [["weir", 2345.6], ["other", undefined]],
    }],
    plots: [{
      title: "Throughput",
      x: "at once",
      y: "jobs/s",
      series: [{ name: "weir", points: [[1, 10], [2, 20]] }],
    }],
    figures: FIGURES,
  }],
};

Deno.test("numbers are shown with three digits that count", () => {
  assert.deepEqual([0.012345, 1.5, 99.96, 1234.5, 0, "as it is", undefined].map(shown), [
    ...["0.0123", "1.5", "100", "1,235", "0", "as it is", ""],
  ]);
});

Deno.test("the text has the machine, the tables and each figure beside its goal", () => {
  const text = textOf(REPORT);
  assert.match(text, /Abacus <2>, 2 cores, 4 GiB\ndeno 2\.9\.6/);
  assert.match(text, /weir +│ +2,346/);
  assert.match(text, /throughput +│ +4\.32 × +│ +≥ 4 × +│ +yes/);
  assert.match(text, /latency +│ +3\.5 ms +│ +≤ 3 ms +│ +NO/);
  assert.match(text, /beside it +│ +7 ms +│ +│ +│/);
  assert.doesNotMatch(text, /prove nothing/);
  assert.match(textOf({ ...REPORT, quick: true }), /prove nothing/);
});

Deno.test("the page needs no other file, escapes what it shows, and draws each plot", () => {
  const page = htmlOf(REPORT);
  assert.match(page, /Abacus &lt;2&gt;/);
  assert.equal(page.match(/<svg/g)?.length, 1);
  assert.match(page, /<td class="missed">3\.5 ms/);
  assert.doesNotMatch(page, /<script|src=|<link/);
});
