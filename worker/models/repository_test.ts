import assert from "node:assert/strict";
import { join } from "node:path";
import { ModelError } from "./model_error.ts";
import { openRepository, readModel, surveyRepository } from "./repository.ts";
import { type ColourModelOptions, COLOURS, writeColourModel } from "./testing/colour_model.ts";

/** A repository of its own for each test, removed afterwards. */
class Repository implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();

  add(name: string, options?: ColourModelOptions): Promise<string> {
    return writeColourModel(this.folder, name, options);
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  async edit(file: string, change: (json: Record<string, unknown>) => void): Promise<void> {
    const json = JSON.parse(await Deno.readTextFile(this.path(file)));
    change(json);
    await Deno.writeTextFile(this.path(file), JSON.stringify(json));
  }

  async rejects(...parts: readonly (string | RegExp)[]): Promise<void> {
    await assert.rejects(openRepository(this.folder), (error) => {
      assert(error instanceof ModelError);
      for (const part of parts) {
        const found: boolean = typeof part === "string"
          ? error.message.includes(part)
          : part.test(error.message);
        assert(found, `${JSON.stringify(error.message)} lacks ${part}`);
      }
      return true;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.folder, { recursive: true });
  }
}

const IMAGE = { width: 4, height: 4 };

Deno.test("repository finds a layers model, its labels and the defaults of its settings", async () => {
  await using repository = new Repository();
  const folder = await repository.add("colour");
  assert.deepEqual(await openRepository(repository.folder), [{
    name: "colour",
    version: "1",
    format: "layers",
    folder,
    entry: join(folder, "model.json"),
    labels: [...COLOURS],
    config: {
      default: true,
      labels: "labels.txt",
      input: { ...IMAGE, fit: "fill", kernel: "bilinear", channels: "rgb", scale: "0to1" },
      output: { kind: "classes", activation: "none", top: 5, firstLabel: 0 },
    },
  }]);
});

Deno.test("repository takes labels from a file with the line ends of Windows", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  await Deno.writeTextFile(repository.path("colour", "labels.txt"), COLOURS.join("\r\n"));
  assert.deepEqual((await openRepository(repository.folder))[0]?.labels, [...COLOURS]);
});

Deno.test("repository tells the format by what the version holds", async () => {
  await using repository = new Repository();
  await repository.add("a-graph", {
    format: "graph",
    quantised: true,
    settings: { input: IMAGE, default: true },
  });
  for (const [name, entry] of [["b-saved", "saved_model.pb"], ["c-onnx", "model.onnx"]] as const) {
    const folder = await repository.add(name);
    await Deno.remove(join(folder, "model.json"));
    await Deno.writeTextFile(join(folder, entry), "");
  }
  await Deno.mkdir(repository.path("b-saved", "1", "variables"));
  const models = await openRepository(repository.folder);
  assert.deepEqual(models.map(({ format }) => format), ["graph", "saved_model", "onnx"]);
  assert.deepEqual(models.map(({ config }) => config.default), [true, false, false]);
});

Deno.test("repository serves the highest version by number, not by spelling", async () => {
  await using repository = new Repository();
  for (const version of ["9", "10", "2"]) await repository.add("colour", { version });
  await Deno.mkdir(repository.path("colour", "11-draft"));
  await Deno.writeTextFile(repository.path("colour", "12"), "a file is not a version");
  assert.equal((await openRepository(repository.folder))[0]?.version, "10");
});

Deno.test("repository passes over what is not a model", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  await Deno.mkdir(repository.path("lost+found"));
  await Deno.mkdir(repository.path(".git"));
  await Deno.writeTextFile(repository.path("README.md"), "");
  assert.deepEqual((await openRepository(repository.folder)).map(({ name }) => name), ["colour"]);
});

Deno.test("repository accepts files whose sha256 is the one in weir.json", async () => {
  await using repository = new Repository();
  const folder = await repository.add("colour");
  const digest = await crypto.subtle.digest(
    "SHA-256",
    await Deno.readFile(join(folder, "kernel.bin")),
  );
  const sha256 = new Uint8Array(digest).toHex();
  await repository.edit("colour/weir.json", (json) => json.sha256 = { "1/kernel.bin": sha256 });
  assert.equal((await openRepository(repository.folder)).length, 1);
});

Deno.test("repository names a file whose sha256 is wrong, and one that is missing", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  const wrong = "0".repeat(64);
  await repository.edit("colour/weir.json", (json) => json.sha256 = { "1/kernel.bin": wrong });
  await repository.rejects(
    repository.path("colour", "1", "kernel.bin"),
    /its sha256 is \w{64}, not 0{64}/,
  );
  await repository.edit("colour/weir.json", (json) => json.sha256 = { "1/gone.bin": wrong });
  await repository.rejects(repository.path("colour", "1", "gone.bin"), "no such file");
});

Deno.test("repository names an unknown field and the nearest valid one, and every other fault", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  await repository.edit("colour/weir.json", (json) => {
    json.lables = "labels.txt";
    json.input = { width: 4, height: 0, scales: "0to1", scale: "0to2" };
  });
  await repository.rejects(
    repository.path("colour", "weir.json"),
    'unknown field "lables", the nearest valid one is "labels"',
    'unknown field "input.scales", the nearest valid one is "input.scale"',
    '"input.height": Too small',
    '"input.scale": expected one of "minus1to1"|"0to1"|"0to255"|"caffe" or',
  );
});

Deno.test("repository refuses what is for classes alone beside another kind of output", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  await repository.edit("colour/weir.json", (json) => {
    json.output = { kind: "embedding", top: 5, firstLabel: 0, activation: "softmax" };
  });
  const ofClasses = 'is for classes alone, "output.kind" is "embedding"';
  const fields = ["output.top", "output.firstLabel", "output.activation"];
  const faults = fields.map((field) => `"${field}": ${ofClasses}`);
  await repository.rejects(repository.path("colour", "weir.json"), ...faults);
  await repository.edit("colour/weir.json", (json) => {
    json.output = { kind: "embedding", activation: "none" };
  });
  await repository.rejects(repository.path("colour", "weir.json"), `"labels": ${ofClasses}`);
  await repository.edit("colour/weir.json", (json) => delete json.labels);
  const [files] = await openRepository(repository.folder);
  assert.deepEqual([files?.config.output.kind, files?.labels], ["embedding", []]);
});

Deno.test("repository names a JSON file that is invalid", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  await Deno.writeTextFile(repository.path("colour", "1", "model.json"), '{"format": ');
  await repository.rejects(repository.path("colour", "1", "model.json"), "invalid JSON");
  await Deno.writeTextFile(repository.path("colour", "weir.json"), "{,}");
  await repository.rejects(repository.path("colour", "weir.json"), "invalid JSON");
});

Deno.test("repository names settings that are missing beside a version", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  await Deno.remove(repository.path("colour", "weir.json"));
  await repository.rejects(repository.path("colour", "weir.json"), "no such file");
});

Deno.test("repository names a model.json of unknown format", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  await repository.edit("colour/1/model.json", (json) => json.format = "keras");
  await repository.rejects("model.json", '"format"', '"layers-model"|"graph-model"');
});

Deno.test("repository names a shard that is missing", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  await Deno.remove(repository.path("colour", "1", "bias.bin"));
  await repository.rejects(
    repository.path("colour", "1", "bias.bin"),
    "a shard of",
    "no such file",
  );
});

Deno.test("repository names shards that are not as long as the manifest says", async () => {
  for (const quantised of [false, true]) {
    await using repository = new Repository();
    await repository.add("colour", { quantised });
    const bytes = quantised ? 12 : 48;
    await Deno.truncate(repository.path("colour", "1", "kernel.bin"), bytes - 1);
    await repository.rejects(
      '"kernel.bin"',
      `hold ${bytes - 1} bytes, the manifest describes ${bytes}`,
    );
  }
});

Deno.test("repository refuses every path that leads out of the model's folder", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  const outside = "leads out of the model's folder";
  await Deno.writeTextFile(repository.path("secret"), "x");
  for (const path of ["../secret", repository.path("secret"), ".", "1/../../secret"]) {
    await repository.edit("colour/weir.json", (json) => json.labels = path);
    await repository.rejects("weir.json", `"${path}"`, outside);
  }
  await repository.edit("colour/weir.json", (json) => {
    json.labels = "labels.txt";
    json.sha256 = { "../secret": "0".repeat(64) };
  });
  await repository.rejects("weir.json", '"../secret"', outside);
  await repository.edit("colour/weir.json", (json) => delete json.sha256);
  await repository.edit("colour/1/model.json", (json) => {
    (json.weightsManifest as { paths: string[] }[])[0]!.paths = ["../../secret"];
  });
  await repository.rejects("model.json", '"../../secret"', outside);
});

Deno.test("repository names labels that cannot be read", async () => {
  await using repository = new Repository();
  await repository.add("colour");
  await Deno.remove(repository.path("colour", "labels.txt"));
  await repository.rejects(repository.path("colour", "labels.txt"), "no such file");
});

Deno.test("repository refuses a version that holds no network, two networks or half of one", async () => {
  await using repository = new Repository();
  const folder = await repository.add("colour");
  await Deno.writeTextFile(join(folder, "model.onnx"), "");
  await repository.rejects(folder, "both model.json and model.onnx");
  await Deno.remove(join(folder, "model.onnx"));
  await Deno.rename(join(folder, "model.json"), join(folder, "saved_model.pb"));
  await repository.rejects(join(folder, "saved_model.pb"), '"variables"', "missing");
  await Deno.remove(join(folder, "saved_model.pb"));
  await repository.rejects(folder, "none of model.json, saved_model.pb, model.onnx");
});

Deno.test("repository refuses a model without a version", async () => {
  await using repository = new Repository();
  const folder = await repository.add("colour");
  await Deno.remove(folder, { recursive: true });
  await repository.rejects(repository.path("colour"), "no version");
});

Deno.test("repository refuses a name that is too long or holds other characters", async () => {
  for (const name of ["a b", "ü", "x".repeat(65)]) {
    await using repository = new Repository();
    await repository.add(name);
    await repository.rejects(name, "1 to 64 letters");
  }
});

Deno.test("repository wants exactly one default of several models", async () => {
  await using repository = new Repository();
  await repository.add("one");
  await repository.add("two");
  await repository.rejects("exactly one", "none has it", '"one", "two"');
  await repository.edit("two/weir.json", (json) => json.default = true);
  const models = await openRepository(repository.folder);
  assert.deepEqual(models.map(({ config }) => config.default), [false, true]);
  await repository.edit("one/weir.json", (json) => json.default = true);
  await repository.rejects("exactly one", "2 have it", '"one", "two"');
});

Deno.test("repository gives the models that are wanted, whatever is wrong with the others", async () => {
  await using repository = new Repository();
  await repository.add("one", { settings: { input: IMAGE, default: true } });
  await repository.add("two");
  const broken = await repository.add("three");
  await Deno.remove(join(broken, "model.json"));
  const wanted = await openRepository(repository.folder, ["two"]);
  assert.deepEqual(wanted.map(({ name, config }) => [name, config.default]), [["two", false]]);
  await assert.rejects(openRepository(repository.folder, ["one", "three"]), /three.*none of/);
  await assert.rejects(
    openRepository(repository.folder, ["one", "tow"]),
    /^ModelError: cannot serve "tow": ".*" has no such model, the nearest is "two"$/,
  );
  // Which one is the default, the broken one may say.
  await repository.edit("one/weir.json", (json) => delete json.default);
  await assert.rejects(openRepository(repository.folder, ["two"]), /three.*none of/);
});

Deno.test("repository refuses an empty folder and one that is not there", async () => {
  await using repository = new Repository();
  await repository.rejects(repository.folder, "holds no model");
  await assert.rejects(
    openRepository(repository.path("gone")),
    /cannot list ".*gone": no such file/,
  );
});

/** Versions to serve of a repository's only model. */
async function servedOf({ folder }: Repository): Promise<string[]> {
  return (await openRepository(folder)).map(({ version }) => version);
}

Deno.test("repository serves the version that is rolled out beside the one before it", async () => {
  await using repository = new Repository();
  const settings = { rollout: { version: "2", percent: 10 } };
  await repository.add("colour", { version: "1", settings });
  // It is not there yet: nothing is rolled out.
  assert.deepEqual(await servedOf(repository), ["1"]);
  await repository.add("colour", { version: "2", settings });
  assert.deepEqual(await servedOf(repository), ["1", "2"]);
  // A version after it waits for its turn.
  await repository.add("colour", { version: "3", settings });
  assert.deepEqual(await servedOf(repository), ["1", "2"]);
  assert.equal((await readModel(repository.path("colour"))).version, "3");
  await Deno.remove(repository.path("colour", "1"), { recursive: true });
  assert.deepEqual(await servedOf(repository), ["2"]);
  await Deno.remove(repository.path("colour", "2"), { recursive: true });
  assert.equal((await readModel(repository.path("colour"))).version, "3");
  await repository.rejects(repository.path("colour"), '"rollout.version" is "2"');
});

Deno.test("repository names what is wrong with a rollout", async () => {
  await using repository = new Repository();
  await repository.add("colour", { settings: { rollout: { version: 2, percent: 101, share: 1 } } });
  await repository.rejects('"rollout.version"', '"rollout.percent"', '"rollout.share"');
});

Deno.test("a survey has the models without a fault, and the faults of the others", async () => {
  await using repository = new Repository();
  await repository.add("good");
  await repository.add("bad");
  await Deno.remove(repository.path("bad", "1", "model.json"));
  const { models, faults } = await surveyRepository(repository.folder);
  assert.deepEqual(models.map(({ name }) => name), ["good"]);
  assert.deepEqual([...faults.keys()], ["bad"]);
  assert(faults.get("bad")!.includes(repository.path("bad", "1")));
});
