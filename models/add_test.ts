import assert from "node:assert/strict";
import { join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { fileSha256 } from "../shared/file_digest.ts";
import { ModelConfigSchema } from "../worker/models/config.ts";
import { ModelError } from "../worker/models/model_error.ts";
import { modelNames, openRepository, surveyRepository } from "../worker/models/repository.ts";
import {
  type ColourModelOptions,
  COLOURS,
  writeColourModel,
} from "../worker/models/testing/colour_model.ts";
import { addFrom, type AddOptions } from "./add.ts";
import { checkModel } from "./check.ts";
import { CATALOGUE } from "./catalogue.ts";
import type { ModelParts } from "./parts.ts";
import { sourceOf } from "./source.ts";
import { tarGz, zip } from "./testing/archives.ts";
import { Bench } from "./testing/bench.ts";
import { CutOffs } from "./testing/cut_offs.ts";
import { servedFile } from "./testing/file_server.ts";
import { snapshot } from "./testing/snapshot.ts";

const SIZE = { width: 4, height: 4 };
const ZEROS = "0".repeat(64);
const SAVED_MODEL = join(import.meta.dirname!, "../worker/engines/testdata/colour/1");

/** A bench whose server has the net that names colours, at `/net/`. */
async function benchWithNet(options: ColourModelOptions = {}): Promise<Bench> {
  const bench = new Bench();
  const folder = await writeColourModel(bench.path("made"), "net", options);
  await bench.server.serveFolder("/net", folder);
  await bench.write("labels.txt", COLOURS.join("\n"));
  return bench;
}

function sourceAt(bench: Bench, path: string): string {
  return bench.server.url(path).href;
}

/** Asserts that it fails with such a sentence and changes nothing, whatever is there. */
async function assertRefuses(
  bench: Bench,
  options: Parameters<Bench["add"]>[0],
  sentence: RegExp,
  parts?: ModelParts,
): Promise<void> {
  await writeColourModel(bench.repository, "there", {
    settings: { input: { width: 4, height: 4 } },
  });
  const before = await bench.snapshot();
  await assert.rejects(bench.add(options, parts), (error: Error) => {
    assert(error instanceof ModelError, String(error.stack));
    assert.match(error.message, sentence);
    assert(!/staging|fetched|\.$|\n/.test(error.message), error.message);
    return true;
  });
  assert.deepEqual(await bench.snapshot(), before);
  assert.deepEqual(bench.said, []);
}

for (const format of ["layers", "graph"] as const) {
  Deno.test(`add: a ${format} model by its address, its size read, the rest told or guessed`, async () => {
    await using bench = await benchWithNet({ format, quantised: true });
    const labels = bench.path("labels.txt");
    await bench.add({ source: sourceAt(bench, "/net/model.json"), labels });
    const [model] = await openRepository(bench.repository);
    assert.deepEqual([model?.name, model?.version, model?.format], ["net", "1", format]);
    assert.deepEqual(model?.labels, [...COLOURS]);
    const { sha256, ...settings } = await bench.settings("net");
    assert.deepEqual(settings, {
      default: true,
      labels: "labels.txt",
      input: { width: 4, height: 4, scale: "0to1" },
      output: { activation: "none" },
    });
    assert(Object.keys(sha256).length >= 3);
    for (const [path, digest] of Object.entries(sha256)) {
      assert.equal(await fileSha256(join(bench.repository, "net", path)), digest);
    }
    assert.match(
      bench.said[0]!,
      /^guessed "input\.scale": "0to1", as no network says .*: look it up/,
    );
    assert.match(bench.said[1]!, /^guessed "output\.activation": "none", as .* sums to 1$/);
    assert.match(
      bench.said[2]!,
      /^added "net" version 1: .*, 4×4 pixels, 4 labels, .*tfjs-backend/,
    );
    assert.deepEqual(await Array.fromAsync(Deno.readDir(join(bench.data, "downloads"))), []);
  });
}

Deno.test("add: a query of the address is that of its shards too", async () => {
  await using bench = await benchWithNet();
  for (const [path, file] of [...bench.server.files]) {
    bench.server.files.set(`${path}?key=1`, file);
    bench.server.files.delete(path);
  }
  await bench.add({ source: sourceAt(bench, "/net/model.json?key=1") });
  assert(bench.server.asked.every(({ path }) => path.endsWith("?key=1")));
  assert(bench.said.some((line) => line.startsWith("there are no labels")));
});

Deno.test("add: an ONNX file by its address, and a softmax where its numbers ask for one", async () => {
  await using bench = await benchWithNet({
    format: "onnx",
    onnx: { planar: true },
    edit: (graph) => ({
      ...graph,
      nodes: graph.nodes.filter(({ op }) => op !== "Softmax"),
      outputs: [{ name: "sum", shape: ["images", 4] }],
    }),
  });
  const source = sourceAt(bench, "/net/model.onnx");
  const { create } = InferenceSession;
  let loads = 0;
  Object.assign(InferenceSession, {
    create: (...of: Parameters<typeof create>) => [create(...of), loads++][0],
  });
  await bench.add({ source, name: "colours" }, bench.parts("onnx"));
  Object.assign(InferenceSession, { create });
  assert.equal(loads, 2, "once for its size, once to be tried");
  assert.deepEqual((await bench.settings("colours")).output, { activation: "softmax" });
  assert(bench.said.some((line) => /"softmax", as what it answers to noise sums to/.test(line)));
});

for (const [name, archive] of [["tar.gz", tarGz], ["zip", zip]] as const) {
  Deno.test(`add: a SavedModel in a ${name}, with its settings, wherever it lies in there`, async () => {
    await using bench = new Bench();
    const entries = [];
    for (
      const path of [
        "saved_model.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
      ]
    ) entries.push({ name: `a/b/${path}`, text: await Deno.readFile(join(SAVED_MODEL, path)) });
    const settings = { input: { width: 4, height: 4 }, labels: "names/all.txt" };
    entries.push({ name: "a/weir.json", text: JSON.stringify(settings) });
    entries.push({ name: "a/names/all.txt", text: COLOURS.join("\n") });
    bench.server.files.set("/some-net.bin", servedFile(await archive(entries)));
    await bench.add({ source: sourceAt(bench, "/some-net.bin"), name: "net" }, bench.parts("auto"));
    const [model] = await openRepository(bench.repository);
    assert.equal(model?.format, "saved_model");
    assert.deepEqual(model?.labels, [...COLOURS]);
    assert.match(bench.said[0]!, /^took the settings that came with it$/);
  });
}

Deno.test("add: a model of another repository by its path, the highest version", async () => {
  await using bench = new Bench();
  const from = bench.path("from");
  for (const version of ["1", "2"]) {
    await writeColourModel(from, "net", { version, settings: { input: SIZE, default: true } });
  }
  await bench.add({ source: join(from, "net"), version: 7 });
  const [model] = await openRepository(bench.repository);
  assert.deepEqual([model?.name, model?.version], ["net", "7"]);
  assert.deepEqual(model?.labels, [...COLOURS]);
});

Deno.test("add: a model that names no classes, without a word on labels or probabilities", async () => {
  await using bench = await benchWithNet();
  await bench.add({ source: sourceAt(bench, "/net/model.json"), kind: "embedding" });
  assert.deepEqual((await bench.settings("net")).output, { kind: "embedding" });
  assert.deepEqual(bench.said.filter((line) => /label|activation/.test(line)).length, 1);
  assert.match(bench.said[1]!, /^added "net" version 1: .* 0 labels/);
  assert.equal(await checkModel({ name: "net" }, bench.parts()), 0);
  assert.match(bench.said.join("\n"), /kind embedding/);
});

Deno.test("add: a model by its name, with all that the catalogue knows of it", async () => {
  await using bench = await benchWithNet({ format: "graph" });
  bench.server.files.set("/names", servedFile(new TextEncoder().encode(COLOURS.join("\n"))));
  const [url, labels] = [sourceAt(bench, "/net/model.json"), sourceAt(bench, "/names")];
  const { input, output } = CATALOGUE.mobilenet_v2!;
  // The catalogue's addresses are those of other machines.
  const entry = { about: "", url, labels, input: { ...input, ...SIZE }, output };
  const options = { source: "net", default: false, sha256: [] };
  await addFrom({ kind: "name", entry, name: "net" }, options, bench.parts());
  const { sha256: _, ...settings } = await bench.settings("net");
  assert.deepEqual(settings, {
    default: true,
    labels: "labels.txt",
    input: entry.input,
    output: entry.output,
  });
  assert.equal(bench.said.length, 2, "nothing is guessed");
});

Deno.test("add: all that the catalogue has would be accepted", async () => {
  for (const [name, { url, labels, input, output }] of Object.entries(CATALOGUE)) {
    assert.deepEqual((await sourceOf(name)).name, name);
    assert(ModelConfigSchema.safeParse({ input, output }).success);
    for (const address of [url, labels]) assert.equal(new URL(address).protocol, "https:");
  }
});

Deno.test("add: a digest that is right is no hindrance", async () => {
  await using bench = await benchWithNet();
  const made = bench.path("made", "net", "1");
  const digests = [
    await fileSha256(join(made, "model.json")),
    `bias.bin=${(await fileSha256(join(made, "bias.bin"))).toUpperCase()}`,
  ];
  await bench.add({ source: sourceAt(bench, "/net/model.json"), sha256: digests });
});

/** What makes an addition fail: how the server or the disk differ, the flags, and the sentence. */
const REFUSALS: readonly {
  readonly name: string;
  readonly net?: ColourModelOptions;
  readonly arrange?: (bench: Bench) => unknown;
  readonly options?: (bench: Bench) => Partial<AddOptions>;
  readonly sentence: RegExp;
}[] = [
  {
    name: "a connection that is cut",
    arrange: ({ server }) => server.change("/net/kernel.bin", { cutAfter: 20 }),
    sentence: /cannot download ".*kernel\.bin": the connection was cut after \d+ bytes/,
  },
  {
    name: "a digest that is another",
    options: () => ({ sha256: [ZEROS] }),
    sentence: /cannot add "http.*model\.json": its sha256 is \w{64}, not 0{64}$/,
  },
  {
    name: "a shard's digest that is another",
    options: () => ({ sha256: [`bias.bin=${ZEROS}`] }),
    sentence: /cannot add "bias\.bin": its sha256 is \w{64}, not 0{64}$/,
  },
  {
    name: "a digest of a file that is not there",
    options: () => ({ sha256: [`base.bin=${ZEROS}`] }),
    sentence: /name a file, FILE=HEX, of bias\.bin, kernel\.bin, model\.json$/,
  },
  {
    name: "a digest that is none",
    options: () => ({ sha256: ["abc"] }),
    sentence: /--sha256 "abc": it has no 64 hexadecimal digits$/,
  },
  {
    name: "a shard that is missing",
    arrange: ({ server }) => server.files.delete("/net/bias.bin"),
    sentence: /cannot download ".*bias\.bin": the server answers 404 Not Found$/,
  },
  {
    name: "a shard that is too short",
    arrange: ({ server }) => server.files.set("/net/bias.bin", servedFile(new Uint8Array(3))),
    sentence: /"bias\.bin" hold 3 bytes, the manifest describes 16$/,
  },
  ...["../../secret", "/etc/passwd", "a/../../../secret"].map((path) => ({
    name: `a shard at ${path}`,
    arrange: (bench: Bench) => editNet(bench, (json) => json.weightsManifest[0].paths = [path]),
    sentence: new RegExp(`cannot use "${path.replaceAll(".", "\\.")}" .* leads out of`),
  })),
  {
    name: "a thousand and one shards",
    arrange: (bench) =>
      editNet(
        bench,
        (json) => json.weightsManifest[0].paths = Array.from({ length: 1000 }, (_, i) => `${i}`),
      ),
    sentence:
      /cannot use "http:\/\/[\d.:]+\/net\/model\.json": it names 1001 shards, at most 1000 are accepted$/,
  },
  {
    name: "a model.json that is another's",
    arrange: ({ server }) =>
      server.files.set("/net/model.json", servedFile(new TextEncoder().encode("{}"))),
    sentence: /cannot read ".*": "format"/,
  },
  {
    name: "a page",
    arrange: ({ server }) =>
      server.files.set("/net/model.json", servedFile(new TextEncoder().encode("<!doctype html>"))),
    sentence: /it is a page for people, give the address of the model\.json/,
  },
  {
    name: "a file that is nothing of the kind",
    arrange: ({ server }) =>
      server.files.set("/net/model.json", servedFile(crypto.getRandomValues(new Uint8Array(99)))),
    sentence: /cannot (read|unpack) "/,
  },
  {
    name: "labels of another net",
    options: (bench) => ({ labels: bench.path("two.txt") }),
    arrange: (bench) => bench.write("two.txt", "cat\ndog\n"),
    sentence: /cannot use labels ".*models\/net\/labels\.txt": 2 lines .* the net has 4 classes$/,
  },
  {
    name: "labels that are not there",
    options: (bench) => ({ labels: bench.path("none.txt") }),
    sentence: /cannot read labels ".*none\.txt": no such file or folder$/,
  },
  {
    name: "an input of an open size",
    arrange: (bench) =>
      editNet(
        bench,
        (json) =>
          json.modelTopology.config.layers[0].config.batch_input_shape = [null, null, null, 3],
      ),
    sentence: /does not say how large its pictures are, give --width and --height$/,
  },
  {
    name: "a size that is another",
    options: () => ({ width: 8, height: 8 }),
    sentence: /cannot load "/,
  },
  {
    name: "a scale that is none",
    options: () => ({ scale: "0to2" }),
    sentence: /cannot make a weir\.json: "input\.scale": expected one of "minus1to1"/,
  },
  {
    name: "a scale that is no JSON",
    options: () => ({ scale: "{mean" }),
    sentence: /cannot use --scale "\{mean": /,
  },
  {
    name: "weights that make no numbers",
    arrange: ({ server }) =>
      server.files.set(
        "/net/bias.bin",
        servedFile(new Uint8Array(Float32Array.of(NaN, 0, 0, 0).buffer)),
      ),
    sentence: /answers a black image with NaN/,
  },
  {
    name: "a name that is taken",
    options: () => ({ name: "there" }),
    sentence: /cannot add "there": there is such a model, give --version 2 for a new version/,
  },
  {
    name: "a version that is taken",
    options: () => ({ name: "there", version: 1 }),
    sentence: /cannot add version 1 of "there": there is such a version, the next is 2$/,
  },
  {
    name: "settings for a version alone",
    options: () => ({ name: "there", version: 2, scale: "caffe" }),
    sentence: /cannot use --scale: the settings of "there" hold for all its versions/,
  },
  ...["a b", ".net", "..", "x".repeat(65)].map((name) => ({
    name: `the name ${name}`,
    options: () => ({ name }),
    sentence: /a model's name is 1 to 64 letters/,
  })),
];

/** Changes the `model.json` that is served. */
function editNet({ server }: Bench, change: (json: Json) => void): void {
  const path = "/net/model.json";
  const { bytes } = server.files.get(path) as ReturnType<typeof servedFile>;
  const json = JSON.parse(new TextDecoder().decode(bytes));
  change(json);
  server.files.set(path, servedFile(new TextEncoder().encode(JSON.stringify(json))));
}

/** Any JSON, as deep as a test knows it to be. */
// deno-lint-ignore no-explicit-any
type Json = any;

for (const { name, net, arrange, options, sentence } of REFUSALS) {
  Deno.test(`add: ${name} leaves the repository as it was`, async () => {
    await using bench = await benchWithNet(net);
    await arrange?.(bench);
    const source = sourceAt(bench, "/net/model.json");
    await assertRefuses(bench, { source, ...options?.(bench) }, sentence);
  });
}

for (
  const [name, entries, sentence] of [
    ["whose paths lead out of it", [{ name: "../../weir.json", text: "{}" }], /leads out of/],
    ["with a link", [{ name: "1", type: "symlink", linkname: "/etc" }], /"1" is a symlink/],
    ["without a network", [{ name: "readme", text: "" }], /holds no model\.json, saved_model\.pb/],
    [
      "with two networks",
      [{ name: "a/model.onnx", text: "" }, { name: "b/model.json", text: "" }],
      /several networks, "a\/model\.onnx", "b\/model\.json": name one$/,
    ],
  ] as const
) {
  Deno.test(`add: an archive ${name} leaves the repository as it was`, async () => {
    await using bench = new Bench();
    bench.server.files.set("/net.tar.gz", servedFile(await tarGz(entries)));
    await assertRefuses(bench, { source: sourceAt(bench, "/net.tar.gz") }, sentence);
  });
}

Deno.test("add: what is no source is a sentence with the nearest that is known", async () => {
  await using bench = new Bench();
  await assertRefuses(bench, { source: "mobilnet_v2" }, /the nearest is "mobilenet_v2"$/);
  await assertRefuses(bench, { source: "ftp://a/b" }, /it is not an http or https address$/);
});

Deno.test("add: what is told wrongly is refused before anything is downloaded", async () => {
  await using bench = await benchWithNet();
  const source = sourceAt(bench, "/net/model.json");
  for (
    const [options, sentence] of [
      [{ sha256: ["abc"] }, /--sha256 "abc": it has no 64 hexadecimal digits$/],
      [{ labels: bench.path("none.txt") }, /cannot read labels ".*none\.txt": no such file/],
      [{ scale: "{" }, /cannot use --scale "\{": /],
      [{ scale: "0to2" }, /cannot make a weir\.json: .*scale/],
      [{ name: "there", version: 2, labels: bench.path("labels.txt") }, /cannot use --labels: /],
    ] as const
  ) await assertRefuses(bench, { source, ...options }, sentence);
  assert.deepEqual(bench.server.asked, []);
});

Deno.test("add: a page for people is not kept", async () => {
  await using bench = new Bench();
  bench.server.files.set("/page", servedFile(new TextEncoder().encode("<html></html>")));
  await assertRefuses(bench, { source: sourceAt(bench, "/page") }, /it is a page for people/);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(join(bench.data, "downloads"))), []);
});

Deno.test("add: a stop at any request leaves the repository as it was", async () => {
  for (const file of ["model.json", "kernel.bin", "bias.bin"]) {
    await using bench = await benchWithNet();
    await writeColourModel(bench.repository, "there");
    const before = await bench.snapshot();
    const stop = new AbortController();
    const { bytes } = bench.server.files.get(`/net/${file}`) as ReturnType<typeof servedFile>;
    bench.server.files.set(`/net/${file}`, () => {
      stop.abort();
      return new Response(bytes);
    });
    const source = sourceAt(bench, "/net/model.json");
    await assert.rejects(bench.add({ source }, bench.parts("wasm", stop.signal)), {
      name: "AbortError",
    });
    assert.deepEqual(await bench.snapshot(), before);
  }
});

Deno.test("add: after a cut, what has come is not sent again, and the model is whole", async () => {
  await using bench = await benchWithNet();
  const source = sourceAt(bench, "/net/model.json");
  bench.server.change("/net/bias.bin", { cutAfter: 10 });
  await assert.rejects(bench.add({ source }), /cut/);
  bench.server.change("/net/bias.bin", { cutAfter: Infinity });
  const asked = bench.server.asked.length;
  await bench.add({ source });
  const again = bench.server.asked.slice(asked);
  assert.deepEqual(
    again.map(({ path, headers }) => [path, headers.has("if-none-match"), headers.get("range")]),
    [
      ["/net/model.json", true, null],
      ["/net/kernel.bin", true, null],
      ["/net/bias.bin", false, "bytes=10-"],
    ],
  );
  assert.equal((await openRepository(bench.repository)).length, 1);
});

Deno.test("add: a version goes beside the others, with its digests beside theirs", async () => {
  await using bench = await benchWithNet();
  const source = sourceAt(bench, "/net/model.json");
  await bench.add({ source, labels: bench.path("labels.txt") });
  const before = await bench.settings("net");
  await bench.add({ source, version: 3 });
  const after = await bench.settings("net");
  assert.deepEqual(after.default, true);
  assert.deepEqual(
    Object.keys(after.sha256),
    [...Object.keys(before.sha256), "3/bias.bin", "3/kernel.bin", "3/model.json"],
  );
  assert.deepEqual((await openRepository(bench.repository)).map(({ version }) => version), ["3"]);
});

Deno.test("add: a version that is rolled out already, or waits for that, is tried itself", async () => {
  await using bench = await benchWithNet();
  const source = sourceAt(bench, "/net/model.json");
  await bench.add({ source });
  const file = join(bench.repository, "net", "weir.json");
  const rollout = { version: "2", percent: 10 };
  await Deno.writeTextFile(file, JSON.stringify({ ...await bench.settings("net"), rollout }));
  await bench.add({ source, version: 2 });
  const before = await bench.snapshot();
  bench.server.files.set(
    "/net/bias.bin",
    servedFile(new Uint8Array(Float32Array.of(NaN, 0, 0, 0).buffer)),
  );
  await assert.rejects(bench.add({ source, version: 3 }), /models\/net\/3\/.* with NaN/);
  assert.deepEqual(await bench.snapshot(), before);
  assert.deepEqual((await bench.settings("net")).rollout, rollout);
});

Deno.test("add: one model is the default, whatever is added", async () => {
  await using bench = await benchWithNet();
  const source = sourceAt(bench, "/net/model.json");
  const defaults = async () => {
    const models = await openRepository(bench.repository);
    return models.filter(({ config }) => config.default).map(({ name }) => name);
  };
  // Alone, it need not say that it is the default; in company, it does.
  await writeColourModel(bench.repository, "old");
  await bench.add({ source, name: "second" });
  assert.deepEqual(await defaults(), ["old"]);
  await bench.add({ source, name: "third", default: true });
  assert.deepEqual(await defaults(), ["third"]);
  await bench.add({ source, name: "second", version: 2, default: true });
  assert.deepEqual(await defaults(), ["second"]);
});

Deno.test("add: a repository is made for its first model, and gone again with it", async () => {
  await using bench = await benchWithNet();
  await Deno.remove(bench.repository);
  const source = sourceAt(bench, "/net/model.json");
  await assert.rejects(bench.add({ source, sha256: [ZEROS] }), /sha256/);
  await assert.rejects(Deno.stat(bench.repository), { name: "NotFound" });
  await bench.add({ source });
  assert.equal((await openRepository(bench.repository)).length, 1);
});

Deno.test("add: a repository that cannot be there is a sentence", async () => {
  await using bench = await benchWithNet();
  const source = sourceAt(bench, "/net/model.json");
  await assert.rejects(bench.add({ source }, bench.partsOf(bench.path("labels.txt", "models"))), {
    name: "ModelError",
    message: `cannot add "${source}": Not a directory`,
  });
});

Deno.test("add: what a killed command has left goes with the next one", async () => {
  await using bench = await benchWithNet();
  await Deno.mkdir(join(bench.repository, ".weir-staging-killed", "net", "1"), { recursive: true });
  await bench.add({ source: sourceAt(bench, "/net/model.json") });
  const names = await Array.fromAsync(Deno.readDir(bench.repository), ({ name }) => name);
  assert.deepEqual(names, ["net"]);
});

for (
  const [what, options] of Object.entries({
    "a new default": { name: "new", default: true },
    "a version that becomes the default": { name: "old", version: 2, default: true },
  })
) {
  Deno.test(`add: ${what} that was killed at any step is whole when given again, and harms no worker`, async () => {
    await using bench = await benchWithNet();
    const source = sourceAt(bench, "/net/model.json");
    await writeColourModel(bench.repository, "there", { settings: { input: SIZE, default: true } });
    await writeColourModel(bench.repository, "old", { settings: { input: SIZE } });
    const add = (repository: string) =>
      bench.add({ source, ...options }, bench.partsOf(repository));
    await using cut = await CutOffs.of(bench.repository, () => add(bench.repository));
    const after = await snapshot(bench.repository);
    for (const repository of cut.repositories) {
      const { faults } = await surveyRepository(repository);
      assert.deepEqual([...faults], []);
      await add(repository).catch(({ message }: Error) => assert.match(message, /there is such a/));
      assert.deepEqual(await snapshot(repository), after);
    }
  });
}

for (const name of ["1", "fetched", "models"]) {
  Deno.test(`add: while a model called ${name} is prepared, workers find none`, async () => {
    await using bench = await benchWithNet();
    await using cut = await CutOffs.of(
      bench.repository,
      () => bench.add({ source: sourceAt(bench, "/net/model.json"), name }),
    );
    assert.deepEqual(await modelNames(cut.repositories[0]!), []);
    assert.deepEqual(await modelNames(bench.repository), [name]);
  });
}

Deno.test("add: a repository is changed by one command at a time", async () => {
  await using bench = await benchWithNet();
  const stop = new AbortController();
  bench.server.change("/net/model.json", { stallAfter: 10 });
  const source = sourceAt(bench, "/net/model.json");
  const first = bench.add({ source }, bench.parts("wasm", stop.signal));
  await bench.server.stalled;
  await assert.rejects(bench.add({ source: bench.path("made", "net") }), /another command/);
  stop.abort();
  await assert.rejects(first, { name: "AbortError" });
});
