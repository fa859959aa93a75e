import assert from "node:assert/strict";
import { join } from "node:path";
import { TemporaryFolder } from "../shared/temporary_folder.ts";

const ROOT = join(import.meta.dirname!, "..");

for (
  const { scenario, figure, tables, plots } of [
    {
      scenario: "roundtrip",
      figure: /throughput against BullMQ, 64 at once/,
      tables: 1,
      plots: 3,
    },
    {
      scenario: "pipeline",
      figure: /onnx: images a second against the bare loop/,
      tables: 1,
      plots: 0,
    },
    {
      scenario: "resnet50",
      figure: /requests a second against the polling design/,
      tables: 1,
      plots: 0,
    },
    { scenario: "idle", figure: /commands a minute of an idle gateway/, tables: 1, plots: 0 },
    {
      scenario: "waiting",
      figure: /commands a second for one more client that waits/,
      tables: 2,
      plots: 1,
    },
    { scenario: "scale", figure: /throughput of 2 workers/, tables: 1, plots: 1 },
    { scenario: "soak", figure: /as they must be │ +0 +│ +≤ 0 +│ yes/, tables: 2, plots: 2 },
    { scenario: "stress", figure: /100 right │ ≥ 100 right │ yes/, tables: 2, plots: 3 },
    { scenario: "rapid", figure: /250 right │ ≥ 250 right │ yes/, tables: 2, plots: 2 },
  ]
) {
  Deno.test(`bench ${scenario} --quick measures, with every answer checked, and reports`, async () => {
    await using temporary = await TemporaryFolder.make("weir-bench-test-");
    const { path: folder } = temporary;
    const [json, html] = [join(folder, "report.json"), join(folder, "report.html")];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "bench", scenario, "--quick", "--json", json, "--html", html],
      cwd: ROOT,
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(code, 0, text + new TextDecoder().decode(stderr));
    assert.match(text, figure);
    const { quick, scenarios: [report] } = JSON.parse(await Deno.readTextFile(json));
    assert.deepEqual([quick, report.name, report.tables.length], [true, scenario, tables]);
    const page = await Deno.readTextFile(html);
    assert.equal(page.match(/<svg/g)?.length ?? 0, plots);
  });
}

Deno.test("bench puts load on this machine only, and says so", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "bench", "stress", "--url", "http://192.0.2.1:8080"],
    cwd: ROOT,
  }).output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /192\.0\.2\.1:8080.*puts load on this one only/);
});

Deno.test("bench names the nearest scenario for one that it does not know", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "bench", "roundtrop"],
    cwd: ROOT,
  }).output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /roundtrop.*invalid.*roundtrip/s);
});
