import assert from "node:assert/strict";
import { selectEngine } from "./select.ts";

const options = { delayMs: 0, clock: { sleep: () => Promise.resolve() } };

/** Selects with just these permissions and gives `NAME: REASON`. */
async function selected(wanted: string, ...permissions: string[]): Promise<string> {
  const script = `${import.meta.dirname}/testing/print_selection.ts`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...permissions, script, wanted],
    stderr: "null",
  });
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout);
}

Deno.test("selection of auto is tensorflow where its addon loads", async () => {
  assert.equal(await selected("auto", "-A"), "tensorflow: the best engine that loads");
});

Deno.test("selection of auto is wasm, without the network, where the addon cannot load, and says why", async () => {
  const choice = await selected("auto", "--allow-read", "--allow-sys", "--ignore-env");
  assert.match(choice, /^wasm: the best engine that loads; cannot load engine "tensorflow": .*ffi/);
});

Deno.test("selection of auto is none where nothing loads, and says why of each", async () => {
  const choice = await selected("auto", "--ignore-env");
  assert.match(choice, /^none: cannot load engine "tensorflow": .*; cannot load engine "wasm": /);
});

Deno.test("selection by name is never replaced by another engine", async () => {
  const choice = await selected("tensorflow", "--allow-read", "--allow-sys", "--ignore-env");
  assert.match(choice, /^none: cannot load engine "tensorflow": .*ffi/);
});

Deno.test("selection of an engine that is still to come is a sentence", async () => {
  const { engine, reason } = await selectEngine("onnx", options);
  assert.equal(engine, undefined);
  assert.equal(reason, 'cannot load engine "onnx": this version of Weir does not have it yet');
});

Deno.test("selection of null is an engine without a library", async () => {
  const { engine } = await selectEngine("null", options);
  assert.equal(engine?.name, "null");
  assert.equal(engine.tensors(), undefined);
});
