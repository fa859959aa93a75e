import assert from "node:assert/strict";
import { selectEngine } from "./select.ts";

const options = { delayMs: 0, clock: { sleep: () => Promise.resolve() } };

/** Selects with just these permissions and gives `NAME: REASON`. */
async function selected(
  { wanted = "auto", format = "layers" },
  ...permissions: string[]
): Promise<string> {
  const script = `${import.meta.dirname}/testing/print_selection.ts`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...permissions, script, wanted, format],
    stderr: "null",
  });
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout);
}

Deno.test("selection of auto is tensorflow where its addon loads", async () => {
  assert.equal(await selected({}, "-A"), "tensorflow: the best for layers that loads");
});

Deno.test("selection of auto is wasm, without the network, where the addon cannot load, and says why", async () => {
  const choice = await selected({}, "--allow-read", "--allow-sys", "--ignore-env");
  assert.match(
    choice,
    /^wasm: the best for layers that loads; cannot load engine "tensorflow": .*ffi/,
  );
});

Deno.test("selection of auto is none where nothing loads, and says why of each", async () => {
  const choice = await selected({}, "--ignore-env");
  assert.match(choice, /^none: cannot load engine "tensorflow": .*; cannot load engine "wasm": /);
});

Deno.test("selection by name is never replaced by another engine", async () => {
  const choice = await selected(
    { wanted: "tensorflow" },
    "--allow-read",
    "--allow-sys",
    "--ignore-env",
  );
  assert.match(choice, /^none: cannot load engine "tensorflow": .*ffi/);
});

Deno.test("selection of auto for an ONNX file is onnx, with a worker's permissions", async () => {
  const choice = await selected({ format: "onnx" }, "--allow-read", "--allow-ffi=node_modules");
  assert.equal(choice, "onnx: the best for onnx that loads");
});

Deno.test("selection of auto for a format of one engine is none where that does not load", async () => {
  for (const [format, only] of [["onnx", "onnx"], ["saved_model", "tensorflow"]] as const) {
    const choice = await selected({ format }, "--allow-read", "--allow-sys", "--ignore-env");
    assert.match(choice, new RegExp(`^none: cannot load engine "${only}": .*ffi`));
  }
});

Deno.test("selection of null is an engine without a library", async () => {
  const { engine } = await selectEngine("null", "layers", options);
  assert.equal(engine?.name, "null");
  assert.equal(engine.tensors(), undefined);
});
