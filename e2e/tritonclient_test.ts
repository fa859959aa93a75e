/** Triton's own client, unchanged, and what it may send beyond photos. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { COLOUR_SIDE } from "../worker/models/testing/colour_model.ts";
import { call, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { Program, ROOT } from "./program.ts";
import { pythonWith } from "./python.ts";
import { tempFolder } from "./temp_folder.ts";
import { printingLog, startWeir, testWeir, type Weir } from "./weir.ts";

const TESTDATA = join(ROOT, "e2e", "testdata");

const python = await pythonWith(join(TESTDATA, "tritonclient.txt"));
// deno-lint-ignore no-console -- who runs the tests is to know what was not tested
console.log(`tritonclient: ${python.ok ? "used" : `absent, ${python.reason}`}`);

/** Where it is absent the tests are left out, but not from what decides on a change. */
const ignore = !python.ok && Deno.env.get("CI") === undefined;

const COLOURS = [[250, 20, 10], [10, 30, 240], [120, 130, 125]] as const;

const HELD = [
  "live and ready",
  "a model is ready, or not",
  "metadata",
  "photos and tensors, in both encodings, asked for and answered",
  "outputs, parameters, version and id",
  "compression",
  "many at once",
  "refusals, each with its reason",
];

/** Has the client ask all that it can, and gives what held. */
async function checks({ url }: Weir, key?: string): Promise<string[]> {
  assert(python.ok, "tritonclient is absent");
  const pictures = await Promise.all(COLOURS.map(async (rgb) => {
    const { bytes, ...seen } = await colourPicture(rgb);
    return { ...seen, rgb, bytes: bytes.toBase64() };
  }));
  const given = { url: new URL(url).host, side: COLOUR_SIDE, pictures, ...(key && { key }) };
  const script = join(TESTDATA, "tritonclient_checks.py");
  const { ok, stdout, stderr } = await python.run([script, JSON.stringify(given)]);
  assert(ok, `${stdout}${stderr}`);
  return stdout.trim().split("\n");
}

testWeir("tritonclient is answered right", { ignore }, async (weir) => {
  assert.deepEqual(await checks(weir), HELD);
  await weir.assertEmpty();
});

Deno.test({
  name: "tritonclient is answered right with an API key, and refused without",
  ignore,
  fn: async () => {
    await using folder = await tempFolder();
    const env = { WEIR_API_KEYS_FILE: join(folder.path, "keys.jsonl") };
    await using making = new Program("key new", ["task", "-q", "key", "new", "ada"], env);
    assert.equal(await making.code(), 0);
    const key = making.lines.find((line) => line.startsWith("weir_"));
    await using weir = await startWeir({ env });
    await printingLog(weir, async () => {
      assert.deepEqual(await checks(weir, key), [...HELD, "the key"]);
      await weir.drain();
    });
  },
});

testWeir(
  "a tensor on which a worker crashed is a dead letter, and replayed is answered",
  { workers: 0, env: { WEIR_ATTEMPTS_MAX: "1", WEIR_CLAIM_IDLE_MS: "1000" } },
  async (weir) => {
    const { url } = weir;
    await weir.stopWorker(await weir.startWorker());
    const shape = [1, COLOUR_SIDE, COLOUR_SIDE, 3];
    const data = Array(COLOUR_SIDE * COLOUR_SIDE * 3).fill(1);
    const body = JSON.stringify({ inputs: [{ name: "tensor", datatype: "FP32", shape, data }] });
    const inferring = post(`${url}/v2/models/colour/infer`, body);
    await weir.untilAdmitted(1);
    const crashing = await weir.startWorker({}, { program: "e2e/crashing_worker.ts" });
    await crashing.line(/crashing in/);
    crashing.killed = true;
    await crashing.ended;
    await weir.startWorker();
    const { status, body: { error, code } } = await inferring;
    assert.deepEqual([status, code], [500, "job_failed"]);
    assert.match(error, /^given up after 1 attempt that/);

    const { body: { letters: [letter] } } = await call(`${url}/admin/dead`);
    const replay = await post(`${url}/admin/dead/${letter.id}/replay`, "");
    assert.equal(replay.status, 202);
    const { body: job } = await call(`${url}${replay.headers.get("location")}`, {
      headers: { prefer: "wait=60" },
    });
    assert.equal(job.state, "succeeded", JSON.stringify(job));
    assert.equal(job.result.predictions[0].label, "grey");
    await weir.assertEmpty();
  },
);
