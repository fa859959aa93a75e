import assert from "node:assert/strict";
import { faultsOf, lastLine, type Run, tablesOf } from "./summary.ts";

/** Two submissions, both served, and one cut that met ten jobs. */
const RUN: Run = {
  seed: 7,
  jobs: 2,
  seconds: 12.3,
  history: [
    { atMs: 1, submission: 0, keyed: false, kind: "accepted", job: "a" },
    { atMs: 2, kind: "struck", fault: "cut", victim: "all", running: 4 },
    { atMs: 3, submission: 0, keyed: false, kind: "outcome", state: "succeeded", job: "a" },
    { atMs: 4, submission: 1, keyed: false, kind: "refused", code: "busy" },
    { atMs: 5, submission: 1, keyed: false, kind: "outcome", state: "succeeded" },
    { atMs: 6, kind: "struck", fault: "cut", victim: "all", running: 6 },
  ],
  records: [{ id: "a", state: "succeeded", attempts: 2 }],
  repliesLost: 3,
  verdict: { violations: [], warnings: [] },
};

Deno.test("a run without a fault passes, and its last line has the numbers", () => {
  assert.deepEqual(faultsOf(RUN), []);
  assert.equal(
    lastLine(RUN),
    "faults passed: seed 7, 2 jobs, 2 faults in 12 s, 100.0 % accepted, 0 without an outcome, " +
      "0 with two, 0 hung",
  );
});

Deno.test("the tables count strikes, jobs met, and what clients were told", () => {
  const rows = tablesOf(RUN).split("\n")
    .map((line) => line.split("│").map((cell) => cell.trim()).filter((cell) => cell !== ""));
  const has = (...cells: string[]) => {
    const found = rows.some((row) => row.join() === cells.join());
    assert(found, `no row ${cells}`);
  };
  has("cut", "2", "10");
  has("accepted", "2");
  has("jobs run more than once", "1");
  has("told succeeded", "2");
  has("told not now (503)", "1");
  has("replies of Redis lost after commit", "3");
});

Deno.test("a broken guarantee fails the run, and is named first", () => {
  const guarantee = "nobody hangs" as const;
  const violations = [{ guarantee, detail: "submission 1", atMs: 1 }];
  const run = { ...RUN, jobs: 20, verdict: { violations, warnings: [] } };
  assert.deepEqual(faultsOf(run), [
    "broken: nobody hangs: submission 1",
    "only 2 of 20 submissions were accepted",
  ]);
  assert.match(
    lastLine(run),
    /^faults FAILED: .* 1 hung; broken: nobody hangs: submission 1; 1 more$/,
  );
});

Deno.test("a run in which a kind of fault met few jobs proves too little", () => {
  const run = { ...RUN, history: RUN.history.slice(0, 5) };
  assert.deepEqual(faultsOf(run), ["cut met only 4 running jobs"]);
});

Deno.test("a run in which jobs expire instead of being done fails", () => {
  const late = { atMs: 5, submission: 1, keyed: false, kind: "outcome", state: "expired" } as const;
  const history = [...RUN.history.filter(({ atMs }) => atMs !== 5), late];
  assert.deepEqual(faultsOf({ ...RUN, history }), [
    "only 1 of 2 accepted submissions were done before their deadline",
  ]);
});
