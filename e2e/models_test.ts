import assert from "node:assert/strict";
import { join } from "node:path";
import { FileServer } from "../models/testing/file_server.ts";
import { snapshot } from "../models/testing/snapshot.ts";
import { writeColourModel } from "../worker/models/testing/colour_model.ts";
import { type TempFolder, tempFolder } from "./temp_folder.ts";
import { Program, ROOT } from "./program.ts";

/** Beside the checkout, where it is there at all; the engines' own tests say so on a line. */
const DATA = join(ROOT, "..", "shared", "data");
const absent = !await Deno.stat(DATA).then(() => true, () => false);

const SHAPES = join(ROOT, "fixtures", "models", "shapes");
const ZEROS = "0".repeat(64);

/** `deno task model …` with a repository and a data folder in a folder of the test. */
function model(folder: string, args: readonly string[], engine = "wasm"): Program {
  return new Program(`model ${args[0]}`, ["task", "-q", "model", ...args], {
    WEIR_MODELS: join(folder, "models"),
    WEIR_DATA_DIR: join(folder, "data"),
    WEIR_ENGINE: engine,
  });
}

/** The command run to its end. */
async function run(
  folder: string,
  args: readonly string[],
  engine?: string,
): Promise<{ readonly code: number; readonly told: string }> {
  await using program = model(folder, args, engine);
  return { code: await program.code(), told: program.lines.join("\n") };
}

/** A repository with one model in a folder, and a server that has Weir's own model at `/shapes/`. */
async function place(): Promise<{ folder: TempFolder; server: FileServer }> {
  const folder = await tempFolder();
  await writeColourModel(join(folder.path, "models"), "colour");
  const server = new FileServer();
  await server.serveFolder("/shapes", join(SHAPES, "1"));
  return { folder, server };
}

/** A model that is being added, whose download has come to a halt in the middle. */
async function stalledAdd(): Promise<
  AsyncDisposable & Awaited<ReturnType<typeof place>> & {
    /** What the repository held before. */
    readonly before: Awaited<ReturnType<typeof snapshot>>;
    readonly program: Program;
  }
> {
  await using stack = new AsyncDisposableStack();
  const { folder, server } = await place();
  stack.use(folder);
  stack.use(server);
  const before = await snapshot(join(folder.path, "models"));
  server.change("/shapes/weights.bin", { stallAfter: 100_000 });
  const args = ["add", server.url("/shapes/model.json").href];
  const program = stack.use(model(folder.path, args));
  await server.stalled;
  const owned = stack.move();
  return { folder, server, before, program, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

Deno.test("a model is added from an address through cuts and a wrong hash, checked, and removed", async () => {
  const { folder, server } = await place();
  await using _folder = folder;
  await using _server = server;
  const { path } = folder;
  const source = server.url("/shapes/model.json").href;
  const labels = join(SHAPES, "labels.txt");
  const add = ["add", source, "--labels", labels, "--scale", "minus1to1"];
  const before = await snapshot(join(path, "models"));

  server.change("/shapes/weights.bin", { cutAfter: 100_000 });
  const cut = await run(path, add);
  assert.equal(cut.code, 1);
  assert.match(cut.told, /^weir: cannot download ".*weights\.bin": the connection was cut after/m);
  assert(!/^\s+at /m.test(cut.told), "a stack trace is no sentence");
  assert.deepEqual(await snapshot(join(path, "models")), before);

  server.change("/shapes/weights.bin", { cutAfter: Infinity });
  const wrong = await run(path, [...add, "--sha256", `weights.bin=${ZEROS}`]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.told, /^weir: cannot add "weights\.bin": its sha256 is \w{64}, not 0{64}$/m);
  assert.match(server.asked.at(-1)!.headers.get("range")!, /^bytes=\d+-$/);
  assert.deepEqual(await snapshot(join(path, "models")), before);

  const added = await run(path, add);
  assert.equal(added.code, 0, added.told);
  assert.match(
    added.told,
    /^added "shapes" version 1: layers, 64×64 pixels, 12 labels, 306\.2 kB/m,
  );
  assert.equal(
    server.asked.at(-1)!.headers.get("range"),
    null,
    "a wrong file is no part of a right one",
  );

  const checked = await run(path, ["check", "shapes"]);
  assert.equal(checked.code, 0, checked.told);
  assert.match(checked.told, /^ +0\.9\d+ {2}star$/m);
  assert.match(
    (await run(path, ["list"])).told,
    /^colour .* default *\nshapes .*12 +306\.2 kB *$/m,
  );

  assert.equal((await run(path, ["remove", "shapes"])).code, 0);
  const { "colour/weir.json": _, ...left } = await snapshot(join(path, "models"));
  const { "colour/weir.json": __, ...were } = before;
  assert.deepEqual(left, were);
});

Deno.test("a SavedModel is added from its folder with the permissions of the task", async () => {
  await using folder = await tempFolder();
  const source = join(ROOT, "worker", "engines", "testdata", "colour");
  const { code, told } = await run(folder.path, ["add", source], "tensorflow");
  assert.equal(code, 0, told);
  assert.match(told, /^added "colour" version 1: saved_model, 4×4 pixels, 4 labels, .*tfjs-node/m);
});

Deno.test("Ctrl-C in a download leaves the repository as it was", async () => {
  await using stalled = await stalledAdd();
  const { folder, before, program } = stalled;
  program.killGroup("SIGINT");
  assert.equal(await program.code(), 130);
  await program.line(/^stopped; the repository is as it was/);
  assert.deepEqual(await snapshot(join(folder.path, "models")), before);
});

Deno.test("a command that is killed leaves nothing that is served, and the next one clears up", async () => {
  await using stalled = await stalledAdd();
  const { folder, server, before, program } = stalled;
  program.killGroup("SIGKILL");
  await program.ended;
  assert.match((await run(folder.path, ["list"])).told, /^NAME.*\ncolour .*$/);
  server.change("/shapes/weights.bin", { stallAfter: Infinity });
  const refused = await run(folder.path, ["add", server.url("/shapes/none.json").href]);
  assert.match(refused.told, /404 Not Found/);
  assert.deepEqual(await snapshot(join(folder.path, "models")), before);
});

/** Mounts a file system in memory that holds little; false where that is not allowed. */
async function mountSmall(folder: string, bytes: number): Promise<boolean> {
  const args = ["-t", "tmpfs", "-o", `size=${bytes}`, "weir-test", folder];
  const mount = new Deno.Command("mount", { args, stdout: "null", stderr: "null" });
  return await mount.output().then(({ success }) => success, () => false);
}

Deno.test({
  name: "a full disk leaves the repository as it was, wherever it gets full",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const full of ["models", "data"]) {
      await using folder = await tempFolder();
      const small = join(folder.path, full);
      await Deno.mkdir(small);
      if (!await mountSmall(small, 200_000)) {
        // deno-lint-ignore no-console -- whoever runs the tests is to know that this was left out
        console.log("full disk: absent, a small file system may not be mounted here");
        return;
      }
      try {
        await writeColourModel(join(folder.path, "models"), "colour");
        await using server = new FileServer();
        await server.serveFolder("/shapes", join(SHAPES, "1"));
        const before = await snapshot(join(folder.path, "models"));
        const { code, told } = await run(folder.path, [
          "add",
          server.url("/shapes/model.json").href,
        ]);
        assert.equal(code, 1);
        assert.match(told, /^weir: cannot (add|download) "http.*": No space left on device$/m);
        assert.deepEqual(await snapshot(join(folder.path, "models")), before);
      } finally {
        await new Deno.Command("umount", { args: [small] }).output();
      }
    }
  },
});

Deno.test({
  name: "the real model is added from an address and sees a castle",
  ignore: absent,
  fn: async () => {
    await using folder = await tempFolder();
    await using server = new FileServer();
    const [net, photos] = [join(DATA, "models", "mobilenet_v2"), join(DATA, "images")];
    await server.serveFolder("/mobilenet", join(net, "1"));
    const added = await run(folder.path, [
      ...["add", server.url("/mobilenet/model.json").href, "--scale", "minus1to1"],
      ...["--labels", join(net, "labels.txt")],
    ]);
    assert.equal(added.code, 0, added.told);
    assert.match(added.told, /224×224 pixels, 1001 labels/);
    assert.match(added.told, /guessed "output\.activation": "none"/);
    const photo = join(photos, "castle_image.jpg");
    const { code, told } = await run(folder.path, ["check", "--photo", photo]);
    assert.equal(code, 0, told);
    assert.match(told, /^ +0\.944\d {2}castle\n +0\.04\d\d {2}monastery$/m);
  },
});
