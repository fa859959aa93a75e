import assert from "node:assert/strict";
import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "..");

for (
  const { scenario, figure, plots } of [
    { scenario: "roundtrip", figure: /throughput against BullMQ, 64 at once/, plots: 2 },
    { scenario: "idle", figure: /commands a minute of an idle gateway/, plots: 0 },
  ]
) {
  Deno.test(`bench ${scenario} --quick measures, with every answer checked, and reports`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const [json, html] = [join(folder, "report.json"), join(folder, "report.html")];
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["task", "bench", scenario, "--quick", "--json", json, "--html", html],
        cwd: ROOT,
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert.equal(code, 0, text + new TextDecoder().decode(stderr));
      assert.match(text, figure);
      const { quick, scenarios: [{ name, tables }] } = JSON.parse(await Deno.readTextFile(json));
      assert.deepEqual([quick, name, tables.length], [true, scenario, 1]);
      const page = await Deno.readTextFile(html);
      assert.equal(page.match(/<svg/g)?.length ?? 0, plots);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("bench names the nearest scenario for one that it does not know", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "bench", "roundtrop"],
    cwd: ROOT,
  }).output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /roundtrop.*invalid.*roundtrip/s);
});
