import assert from "node:assert/strict";
import { cp as copy } from "node:fs/promises";
import { join } from "node:path";
import { COLOURS, writeColourModel } from "../worker/models/testing/colour_model.ts";
import { call, form, post } from "./client.ts";
import { ROOT } from "./program.ts";
import { tempFolder } from "./temp_folder.ts";
import { startWeir } from "./weir.ts";

const SAVED_MODEL = join(ROOT, "worker", "engines", "testdata", "colour");

Deno.test("a worker runs each model on the engine that its format needs", async () => {
  await using models = await tempFolder();
  const settings = { default: true };
  await writeColourModel(models.path, "layers", { settings });
  await writeColourModel(models.path, "file", { format: "onnx", onnx: { planar: true } });
  // Its library asks who the user is before it reads the file.
  await copy(SAVED_MODEL, join(models.path, "saved"), { recursive: true });
  const env = { WEIR_MODELS: models.path, WEIR_ENGINE: "auto" };
  await using weir = await startWeir({ env });
  const { body } = await call(`${weir.url}/v1/models`);
  const served = body.models.map(({ name, engine }: Record<string, string>) => [name, engine]);
  assert.deepEqual(served.sort(), [
    ["file", "onnx"],
    ["layers", "tensorflow"],
    ["saved", "tensorflow"],
  ]);
  const photo = await Deno.readFile(join(ROOT, "fixtures", "photos", "heart.webp"));
  const [one, other] = await Promise.all(
    ["layers", "file"].map((model) => post(`${weir.url}/predict?model=${model}`, form(photo))),
  );
  assert.deepEqual([one?.status, other?.status], [200, 200]);
  const labels = one!.body.predictions.map(({ label }: { label: string }) => label);
  assert.deepEqual([...labels].sort(), [...COLOURS].sort());
  assert.deepEqual(other!.body.predictions.map(({ label }: { label: string }) => label), labels);
  one!.body.predictions.forEach(({ probability }: { probability: number }, i: number) =>
    assert(Math.abs(probability - other!.body.predictions[i].probability) < 1e-5)
  );
});

Deno.test({
  name: "ONNX Runtime reports to nobody what a worker runs",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using models = await tempFolder();
    await writeColourModel(models.path, "file", { format: "onnx", onnx: { planar: true } });
    // Both keep the library from it, and neither is there in production.
    const env = {
      CI: "",
      ORT_DISABLE_TELEMETRY: "",
      WEIR_MODELS: models.path,
      WEIR_ENGINE: "onnx",
    };
    await using weir = await startWeir({ env });
    const { pid } = weir.workers[0]!;
    // Where it reports, what is to be sent lies in a database of its own.
    assert.deepEqual(openFiles(pid).filter((file) => /onnxruntime.*\.db/.test(file)), []);
  },
});

function openFiles(pid: number): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].flatMap(({ name }) => {
    try {
      return [Deno.readLinkSync(`/proc/${pid}/fd/${name}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}
