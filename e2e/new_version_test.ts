/** A new version of a model, put beside the old one while clients ask all the time. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { JobId } from "../shared/job.ts";
import { placeOf } from "../worker/model_table.ts";
import { writeColourModel } from "../worker/models/testing/colour_model.ts";
import { type Answer, assertSees, call, post } from "./client.ts";
import { Load } from "./load.ts";
import { colourPicture } from "./pictures.ts";
import { tempFolder } from "./temp_folder.ts";
import { until } from "./waiting.ts";
import { printingLog, type Role, startWeir, testWeir, type Weir } from "./weir.ts";

const CLIENTS = 8;
/** Answers of a version after which it is taken to have come to stay. */
const ENOUGH = 30;

const RED = await colourPicture([250, 20, 10]);

const INFERENCE = JSON.stringify({
  inputs: [{ name: "image", datatype: "BYTES", shape: [1], data: [RED.bytes.toBase64()] }],
});

/** Clients that ask for one picture, and see to it that no version comes back once it was replaced. */
class Watchers {
  readonly jobs: { readonly id: JobId; readonly version: string }[] = [];
  readonly #load: Load;
  /** The highest version that anybody was answered by. */
  #highest = 0;

  /** @param mixed whether versions are served side by side, so that any may come */
  constructor({ url }: Weir, { mixed = false } = {}) {
    this.#load = new Load(CLIENTS, async () => {
      const lowest = this.#highest;
      const answer = await post(`${url}/v1/jobs`, RED.bytes, { prefer: "wait=60" });
      if (answer.status === 200) this.#note(answer, mixed ? 0 : lowest);
      return answer;
    });
  }

  #note({ body: { id, state, version, result } }: Answer, lowest: number): void {
    assert.equal(state, "succeeded");
    assertSees(result.predictions, RED);
    assert(Number(version) >= lowest, `version ${version} after ${lowest}`);
    this.#highest = Math.max(this.#highest, Number(version));
    this.jobs.push({ id, version });
  }

  /** Waits for answers of a version. */
  async see(version: string, count = ENOUGH): Promise<void> {
    const before = this.jobs.length;
    const own = () => this.jobs.slice(before).filter((job) => job.version === version);
    await until(
      `${count} answers of version ${version}`,
      () => Promise.resolve(own().length >= count),
    );
  }

  /** Waits for more answers of any version. */
  async more(count: number): Promise<void> {
    await this.#load.more(count, "200");
  }

  /** Asserts that no request has failed. */
  async stop(): Promise<void> {
    await this.#load.stop(["200"]);
  }
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    await Deno.copyFile(join(from, name), join(to, name));
  }
}

/** Tensors that were alive in the engine after each batch so far. */
function tensorsOf({ lines }: Role): number[] {
  return lines.flatMap((line) => {
    const [, tensors] = /batch done .*tensors=(\d+)/.exec(line) ?? [];
    return tensors === undefined ? [] : [Number(tensors)];
  });
}

/** A test on a repository of its own, in which colour/1 is a layers model. */
function testVersions(
  name: string,
  env: Readonly<Record<string, string>>,
  body: (weir: Weir, model: string) => Promise<void>,
  workers = 1,
): void {
  Deno.test(name, async () => {
    await using models = await tempFolder();
    await writeColourModel(models.path, "colour");
    const settings = { WEIR_MODELS: models.path, WEIR_LOG_LEVEL: "debug", ...env };
    await using weir = await startWeir({ workers, env: settings });
    await printingLog(weir, async () => {
      await body(weir, join(models.path, "colour"));
      await weir.drain();
    });
  });
}

for (const engine of ["wasm", "tensorflow"]) {
  testVersions(
    `a new version takes over under load, and nothing of the old one stays, by ${engine}`,
    { WEIR_ENGINE: engine },
    async (weir, model) => {
      const [worker] = weir.workers;
      const clients = new Watchers(weir);
      await clients.see("1");
      const before = tensorsOf(worker!).at(-1);
      await copy(join(model, "1"), join(model, "2"));
      await clients.see("2");
      assert.equal(tensorsOf(worker!).at(-1), before);
      assert.match(await worker!.line(/model updated/), /model=colour version=2 before=1/);
      await clients.stop();
      const { versions, version } = (await call(`${weir.url}/v1/models/colour`)).body;
      assert.deepEqual([versions, version], [[{ version: "2", readyWorkers: 1 }], "2"]);
    },
  );
}

testVersions(
  "a version that is not whole is passed over with a sentence, until it is, under load",
  {},
  async (weir, model) => {
    const [worker] = weir.workers;
    const clients = new Watchers(weir);
    await clients.see("1");
    await Deno.mkdir(join(model, "2"));
    await Deno.copyFile(join(model, "1", "model.json"), join(model, "2", "model.json"));
    assert.match(
      await worker!.line(/model stays as it is/),
      /ERROR .*model=colour version=1 error=.*colour\/2\/.*a shard of/,
    );
    await clients.see("1");
    for await (const { name } of Deno.readDir(join(model, "1"))) {
      await Deno.copyFile(join(model, "1", name), join(model, "2", name));
    }
    await clients.see("2");
    await clients.stop();
    assert.deepEqual(new Set(clients.jobs.map(({ version }) => version)), new Set(["1", "2"]));
  },
);

testVersions(
  "a version with another kind of answer is kept out with a sentence, under load",
  {},
  async (weir, model) => {
    const [worker] = weir.workers;
    const clients = new Watchers(weir);
    await clients.see("1");
    await writeColourModel(join(model, ".."), "colour", { cut: "mean", version: "2" });
    assert.match(
      await worker!.line(/model stays as it is/),
      /version=1 error=.*with .*embedding.* of the shape \[3\], version 1, .* with .*classes/,
    );
    await clients.more(ENOUGH);
    await clients.stop();
    assert.deepEqual(new Set(clients.jobs.map(({ version }) => version)), new Set(["1"]));
  },
);

testVersions(
  "workers take over a version in another format, whose engine they had not loaded, under load",
  { WEIR_ENGINE: "auto" },
  async (weir, model) => {
    const clients = new Watchers(weir, { mixed: true });
    await clients.see("1");
    const onnx = { format: "onnx", version: "2" } as const;
    await writeColourModel(join(model, ".."), "colour", onnx);
    await until("both workers serve version 2 alone", async () => {
      const { versions, engine } = (await call(`${weir.url}/v1/models/colour`)).body;
      return engine === "onnx" && versions.length === 1 && versions[0].readyWorkers === 2;
    });
    await clients.see("2");
    const before = clients.jobs.length;
    await clients.more(ENOUGH + CLIENTS);
    const later = clients.jobs.slice(before + CLIENTS);
    assert(later.every(({ version }) => version === "2"));
    await clients.stop();
  },
  2,
);

testVersions(
  "a version gets the percentage of jobs that weir.json says, the same ones in every worker",
  {},
  async (weir, model) => {
    const clients = new Watchers(weir, { mixed: true });
    const settings = (percent: number) => ({ rollout: { version: "2", percent } });
    await writeColourModel(join(model, ".."), "colour", { settings: settings(30) });
    await copy(join(model, "1"), join(model, "2"));
    await until("both workers serve both versions", async () => {
      const { versions } = (await call(`${weir.url}/v1/models/colour`)).body;
      return versions.length === 2 &&
        versions.every(({ readyWorkers }: { readyWorkers: number }) => readyWorkers === 2);
    });
    // What was begun before is answered as before.
    await clients.more(CLIENTS);
    const [from] = [clients.jobs.length];
    await Promise.all([clients.see("1"), clients.see("2")]);
    await clients.stop();
    for (const { id, version } of clients.jobs.slice(from)) {
      assert.equal(version, placeOf(id) < 30 ? "2" : "1", id);
    }
    for (const version of ["1", "2"]) {
      const path = `/v2/models/colour/versions/${version}/infer`;
      for (let times = 0; times < 4; times++) {
        const { body } = await post(weir.url + path, INFERENCE);
        assert.equal(body.model_version, version, JSON.stringify(body));
      }
    }
    const [{ id, version }] = clients.jobs.slice(-1) as [{ id: JobId; version: string }];
    const { events } = (await call(`${weir.url}/v1/jobs/${id}/explain`)).body;
    assert.match(JSON.stringify(events), new RegExp(`version ${version} of the model`));
  },
  2,
);

testWeir(
  "a worker that is told by SIGHUP looks where no event comes from, and goes on serving",
  {},
  async (weir) => {
    await using models = await tempFolder();
    const [now, next, link] = ["now", "next", "link"].map((name) => join(models.path, name));
    await writeColourModel(now!, "colour");
    await writeColourModel(next!, "colour");
    await writeColourModel(next!, "colour", { version: "2" });
    await Deno.symlink(now!, link!);
    await weir.stopWorker(weir.workers[0]!);
    const worker = await weir.startWorker({ WEIR_MODELS: link! });
    await Deno.remove(link!);
    await Deno.symlink(next!, link!);
    worker.kill("SIGHUP");
    await worker.line(/model updated .*version=2/);
    const clients = new Watchers(weir);
    await clients.see("2", 1);
    await clients.stop();
    // Not one of those that are to drain with an empty folder.
    await weir.stopWorker(worker);
  },
);
