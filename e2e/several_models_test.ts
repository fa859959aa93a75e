/** Models of several kinds in one repository: served at once, by one worker or by several. */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { Scrape } from "../shared/testing/scrape.ts";
import { writeColourModel } from "../worker/models/testing/colour_model.ts";
import { assertProblem, assertSees, call, inParallel, post } from "./client.ts";
import { writeCut } from "./cut_models.ts";
import { connect } from "./event_client.ts";
import { colourPicture } from "./pictures.ts";
import { ROOT } from "./program.ts";
import { Started } from "./started.ts";
import { tempFolder } from "./temp_folder.ts";
import { KEYS, printingLog, Role, startWeir, statusUrl, type Weir } from "./weir.ts";

const RED = await colourPicture([250, 20, 10]);
const STAR = await Deno.readFile(join(ROOT, "fixtures", "photos", "star.jpg"));
const SIDE = 64;

/** A model that is no classifier, and what it answers, as float32 on this process' processor. */
interface Cut {
  readonly name: "embedding" | "features";
  readonly output: "embedding" | "tensor";
  readonly shape: readonly number[];
  readonly here: tf.LayersModel;
}

interface Repository extends AsyncDisposable {
  readonly path: string;
  readonly cuts: readonly Cut[];
}

/** A classifier, an embedding in ONNX and a tensor in layers: none runs as another does. */
async function repository(): Promise<Repository> {
  const folder = await tempFolder();
  await writeColourModel(folder.path, "colour", { settings: { default: true } });
  const embedding = await writeCut(folder.path, "embedding", {
    cut: "GlobalAveragePooling2D",
    output: { kind: "embedding" },
    format: "onnx",
  });
  const features = await writeCut(folder.path, "features", {
    cut: "SeparableConv2D",
    output: { kind: "tensor" },
    format: "layers",
  });
  const cuts: Cut[] = [
    { name: "embedding", output: "embedding", shape: [128], here: embedding },
    { name: "features", output: "tensor", shape: [4, 4, 128], here: features },
  ];
  return {
    path: folder.path,
    cuts,
    [Symbol.asyncDispose]: async () => {
      for (const { here } of cuts) here.dispose();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Numbers that a photo could have become, another one for each seed. */
function pictureOf(seed: number): Float32Array {
  return Float32Array.from({ length: SIDE * SIDE * 3 }, (_, i) => Math.sin(seed + i / 50));
}

/** Runs a picture through a model of the gateway, as binary tensors both ways. */
async function infer(
  url: string,
  { name, output, shape }: Cut,
  seed: number,
): Promise<Float32Array> {
  const picture = new Uint8Array(pictureOf(seed).buffer as ArrayBuffer);
  const json = new TextEncoder().encode(JSON.stringify({
    inputs: [{
      name: "tensor",
      datatype: "FP32",
      shape: [1, SIDE, SIDE, 3],
      parameters: { binary_data_size: picture.length },
    }],
    parameters: { binary_data_output: true },
  }));
  const response = await fetch(`${url}/v2/models/${name}/infer`, {
    method: "POST",
    headers: { "inference-header-content-length": String(json.length) },
    body: Uint8Array.of(...json, ...picture),
  });
  const bytes = await response.bytes();
  assert.equal(response.status, 200, new TextDecoder().decode(bytes));
  const head = Number(response.headers.get("inference-header-content-length"));
  const { outputs: [answer] } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, head)));
  assert.deepEqual([answer.name, answer.shape], [output, [1, ...shape]]);
  return new Float32Array(Uint8Array.from(bytes.subarray(head)).buffer);
}

/** The same, here. */
function expected({ here }: Cut, seed: number): Float32Array {
  const input = tf.tensor4d(pictureOf(seed), [1, SIDE, SIDE, 3]);
  const output = here.predict(input) as tf.Tensor;
  const numbers = output.dataSync<"float32">();
  tf.dispose([input, output]);
  return numbers;
}

async function assertRight(url: string, cut: Cut, seed: number): Promise<void> {
  const [answered, wanted] = [await infer(url, cut, seed), expected(cut, seed)];
  assert.equal(answered.length, wanted.length);
  for (const [i, number] of wanted.entries()) {
    const off = Math.abs(number - answered[i]!);
    assert(off <= 1e-3 * Math.max(1, Math.abs(number)), `${cut.name} ${i}: ${answered[i]}`);
  }
}

/** Runs a test on a repository of its own, with a gateway and the workers that it starts. */
async function withModels(
  env: Readonly<Record<string, string>>,
  body: (weir: Weir, repository: Repository) => Promise<void>,
): Promise<void> {
  await using models = await repository();
  const settings = { WEIR_MODELS: models.path, WEIR_ENGINE: "auto", ...env };
  await using weir = await startWeir({ workers: 0, env: settings });
  await printingLog(weir, async () => {
    await body(weir, models);
    await weir.drain();
  });
}

Deno.test("a worker serves a classifier, an embedding and a tensor at once, each with its batches", () =>
  withModels({ WEIR_METRICS_PORT: "0" }, async (weir, { cuts }) => {
    const { url } = weir;
    const worker = await weir.startWorker();
    const { body } = await call(`${url}/v1/models`);
    const served = body.models.map(({ name, output }: Record<string, unknown>) => [name, output]);
    assert.deepEqual(served.sort(), [
      ["colour", { kind: "classes", shape: [4] }],
      ...cuts.map(({ name, output, shape }) => [name, { kind: output, shape }]),
    ]);

    const [embedding, features] = [cuts[0]!, cuts[1]!];
    await inParallel(60, 30, async (i) => {
      if (i % 3 === 1) return await assertRight(url, embedding, i);
      if (i % 3 === 2) return await assertRight(url, features, i);
      const { body } = await post(`${url}/predict`, RED.bytes);
      assertSees(body.predictions, RED);
    });
    const scrape = await Scrape.of(await statusUrl(worker));
    for (const model of ["colour", "embedding", "features"]) {
      assert.equal(scrape.value("weir_batch_images_sum", { model }), 20, model);
      assert(scrape.value("weir_batch_images_count", { model })! < 20, `${model}: no two together`);
      await weir.assertEmpty(model);
    }
  }));

Deno.test("a photo has the same numbers by every way in", () =>
  withModels({}, async (weir, { cuts }) => {
    const { url } = weir;
    await weir.startWorker();
    for (const { name, output, shape } of cuts) {
      const { body } = await post(`${url}/predict?model=${name}`, STAR);
      const answer = body[output];
      const numbers: number[] = output === "tensor" ? answer.data : answer;
      assert.equal(numbers.length, shape.reduce((product, side) => product * side, 1));
      if (output === "tensor") assert.deepEqual(answer.shape, shape);
      assert(new Set(numbers).size > 20, "they hardly differ");
      const inputs = [{ name: "image", datatype: "BYTES", shape: [1], data: [STAR.toBase64()] }];
      const inferred = await post(`${url}/v2/models/${name}/infer`, JSON.stringify({ inputs }));
      assert.deepEqual(inferred.body.outputs[0].data, numbers);
      const job = await post(`${url}/v1/jobs?model=${name}`, STAR, { prefer: "wait=30" });
      assert.deepEqual(job.body.result, { [output]: answer });
      await using events = await connect(url, job.body.id);
      const told = (await events!.rest()).find((event) => event.name === "prediction");
      assert.deepEqual(told!.data, { index: 0, [output]: answer });
      assertProblem(await post(`${url}/predict?top=3&model=${name}`, STAR), "invalid_request", 400);
    }
  }));

Deno.test("workers serve the models that they are told to, and the gateway knows them all", () =>
  withModels({}, async (weir, { cuts: [embedding] }) => {
    const { url } = weir;
    const classifier = await weir.startWorker({}, { flags: ["--models", "colour"] });
    await weir.startWorker({}, { flags: ["--models", "embedding,features"] });
    const ready = async () => {
      const { body } = await call(`${url}/v1/models`);
      const models = body.models as { name: string; readyWorkers: number }[];
      return Object.fromEntries(models.map(({ name, readyWorkers }) => [name, readyWorkers]));
    };
    assert.deepEqual(await ready(), { colour: 1, embedding: 1, features: 1 });
    assert.equal((await call(`${url}/readyz`)).status, 200);
    await Promise.all([
      assertRight(url, embedding!, 1),
      post(`${url}/predict`, RED.bytes).then(({ body }) => assertSees(body.predictions, RED)),
    ]);

    await weir.stopWorker(classifier);
    assert.deepEqual(await ready(), { colour: 0, embedding: 1, features: 1 });
    const waiting = post(`${url}/predict`, RED.bytes);
    await weir.untilAdmitted(1);
    await assertRight(url, embedding!, 2);
    assert.equal(await weir.redis.client.hget(KEYS.load("colour"), "jobs"), "1");
    await weir.startWorker({}, { flags: ["--models", "colour"] });
    assertSees((await waiting).body.predictions, RED);
  }));

Deno.test("a worker that is told of a model which is not there names the nearest", () =>
  withModels({}, async (weir, { path }) => {
    const env = { WEIR_MODELS: path, REDIS_URL: weir.redis.server.url };
    await using worker = new Role("worker", "worker", env, {
      flags: ["--models", "colour,feature"],
    });
    assert.equal(await worker.code(), 1);
    assert(worker.lines.some((line) => /"feature".*the nearest is "features"/.test(line)));
  }));

Deno.test("start passes the models on, and tries its first photo with the first of them", async () => {
  await using models = await repository();
  await using started = await Started.run({
    args: ["--models", "embedding,colour"],
    env: { WEIR_MODELS: models.path, WEIR_ENGINE: "auto" },
  });
  const line = await started.line(/star\.jpg:/);
  assert.match(line, /star\.jpg: 128 numbers: .* \(model embedding, engine onnx/);
  const { body } = await call(`${await started.url()}/v1/models`);
  const names = body.models.map(({ name }: { name: string }) => name);
  assert.deepEqual(names.sort(), ["colour", "embedding"]);
  started.kill("SIGTERM");
  assert.equal(await started.code(), 0);
});
