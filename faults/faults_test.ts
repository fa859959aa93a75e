import assert from "node:assert/strict";
import { join } from "node:path";

Deno.test("a short run breaks no guarantee, and its history holds all it tells of", async () => {
  const history = await Deno.makeTempFile();
  const root = join(import.meta.dirname!, "..");
  const args = ["--seed", "1", "--jobs", "200", "--faults", "12", "--history", history];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "faults", ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  const printed = text.decode(stdout);
  assert.equal(code, 0, printed + text.decode(stderr));
  assert.match(
    printed.trimEnd().split("\n").at(-1)!,
    /^faults passed: seed 1, 200 jobs, 12 faults in \d+ s, .* accepted, 0 without an outcome, 0 with two, 0 hung$/,
  );

  const events = (await Deno.readTextFile(history)).trimEnd().split("\n")
    .map((line) => JSON.parse(line) as { kind: string; submission?: number });
  assert.equal(events.filter(({ kind }) => kind === "struck").length, 12);
  const told = new Set(
    events.filter(({ kind }) => kind === "outcome").map((event) => event.submission),
  );
  assert(told.size >= 0.95 * 200);
  await Deno.remove(history);
});
