import assert from "node:assert/strict";
import { cp as copy } from "node:fs/promises";
import { join } from "node:path";
import project from "../deno.json" with { type: "json" };
import { linesOf } from "../shared/lines.ts";
import { testRedis } from "../shared/testing/redis.ts";
import { COLOURS, writeColourModel } from "../worker/models/testing/colour_model.ts";
import { call, form, post } from "./client.ts";
import { environment, ROOT } from "./program.ts";
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

Deno.test("a worker's standard output is its log alone, and TensorFlow says little beside it", async () => {
  await using redis = await testRedis();
  const [, ...args] = project.tasks.worker.command.split(" ");
  await using child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: environment({
      REDIS_URL: redis.settings.url,
      WEIR_MODELS: join(ROOT, "worker", "engines", "testdata"),
      WEIR_ENGINE: "tensorflow",
      WEIR_LOG_FORMAT: "json",
    }),
    clearEnv: true,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const beside = new Response(child.stderr).text();
  const messages: string[] = [];
  for await (const line of linesOf(child.stdout)) {
    messages.push(JSON.parse(line).message);
    if (messages.at(-1) === "worker ready") child.kill("SIGTERM");
  }
  assert(messages.includes("model loaded"));
  assert.equal(messages.at(-1), "worker drained");
  // What it says while it is loaded, before it can be told to be quiet.
  const unavoidable = /^$|before absl::InitializeLog\(\)|oneDNN custom operations/;
  assert.deepEqual((await beside).split("\n").filter((line) => !unavoidable.test(line)), []);
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
