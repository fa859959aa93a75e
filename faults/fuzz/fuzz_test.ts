import assert from "node:assert/strict";
import { join } from "node:path";

/** Runs the task. */
async function fuzz(...args: readonly string[]): Promise<{ code: number; printed: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "fuzz", ...args],
    cwd: join(import.meta.dirname!, "..", ".."),
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, printed: text.decode(stdout) + text.decode(stderr) };
}

Deno.test("a short run finds no answer that was not promised", async () => {
  const { code, printed } = await fuzz("--seed", "7", "--cases", "500");
  assert.equal(code, 0, printed);
  assert.match(
    printed,
    /^fuzz passed: seed 7, 500 cases in \d+ s, \d+ of \d+ damaged images in a decoder \([\d.]+ %\)$/m,
  );
});

Deno.test("one case is sent again alone, and shown with its answer", async () => {
  const { code, printed } = await fuzz("--seed", "7", "--only", "3");
  assert.equal(code, 0, printed);
  assert.match(printed, /^seed 7: case 3 alone\n/);
  assert.match(printed, /^fuzz passed: seed 7, 1 case in /m);
});
