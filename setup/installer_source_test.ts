import assert from "node:assert/strict";
import { join } from "node:path";
import { InstallerSource } from "./installer_source.ts";
import { Programs } from "./programs.ts";
import { tfjsNodePackage } from "./tensorflow_addon.ts";
import { recordedProgress } from "./testing/recorded_progress.ts";
import { type Scratch, scratch } from "./testing/scratch.ts";

const { signal } = new AbortController();
const root = join(import.meta.dirname ?? "", "..");
const tfjsNode = await tfjsNodePackage(root);
const env = Deno.env.toObject();
const node = await new Programs(env).find("node");
/** The host that the package names has such files for this platform; the test's server has them too. */
const ignore = node === undefined || Deno.build.target !== "x86_64-unknown-linux-gnu";

function source(settings: Record<string, string>): InstallerSource {
  assert.ok(tfjsNode !== undefined);
  const all = { ...env, ...settings };
  return new InstallerSource(tfjsNode.version, {
    programs: new Programs(all),
    progress: recordedProgress(),
    packageFolder: tfjsNode.folder,
    root,
    env: all,
    build: Deno.build,
    signal,
  });
}

/** Archives of small files under the paths at which the script looks for the real ones. */
async function mirror(folder: Scratch): Promise<void> {
  await folder.write("files/lib/libtensorflow.so.2.9.1", "library");
  await folder.write("files/napi-v8/tfjs_binding.node", "binding");
  const archives = {
    lib: "mirror/tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz",
    "napi-v8": "mirror/napi-v8/4.22.0/CPU-linux-4.22.0.tar.gz",
  };
  for (const [name, archive] of Object.entries(archives)) {
    await folder.write(archive, "");
    const run = await new Programs(env).run(
      "/usr/bin/env",
      ["tar", "-czf", folder.path(archive), "-C", folder.path("files"), name],
      { signal },
    );
    assert.ok(run.ok, run.stderr);
  }
}

function serve(folder: Scratch): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const path = folder.path("mirror", new URL(request.url).pathname);
    const bytes = await Deno.readFile(path).catch(() => undefined);
    return bytes === undefined ? new Response(null, { status: 404 }) : new Response(bytes);
  });
}

Deno.test({
  name: "the package's own script yields the tree, and leaves the package as it was",
  ignore,
  fn: async () => {
    await using folder = await scratch();
    await mirror(folder);
    await using server = serve(folder);
    const url = `http://127.0.0.1:${server.addr.port}/`;
    const made = await source({
      TFJS_NODE_CDN_STORAGE: url,
      npm_config_tfjs_binding_binary_host_mirror: url,
    }).make(folder.folder);
    assert.deepEqual(made, { tree: folder.path("tree") });
    assert.equal(
      await Deno.readTextFile(folder.path("tree", "deps", "lib", "libtensorflow.so.2.9.1")),
      "library",
    );
    assert.equal(
      await Deno.readTextFile(folder.path("tree", "lib", "napi-v8", "tfjs_binding.node")),
      "binding",
    );
    const beside = await Array.fromAsync(Deno.readDir(join(tfjsNode?.folder ?? "", "..")));
    assert.ok(beside.every(({ name }) => !name.startsWith(".weir")), "the copy is gone");
  },
});

Deno.test({
  name: "a script that fails is one sentence",
  ignore,
  fn: async () => {
    await using folder = await scratch();
    await using server = serve(folder);
    const url = `http://127.0.0.1:${server.addr.port}/`;
    const made = await source({ TFJS_NODE_CDN_STORAGE: url }).make(folder.folder);
    assert.ok("fault" in made);
    assert.match(made.fault, /^tfjs-node's own installer failed: /);
  },
});

Deno.test("without node the installer is no way", async () => {
  assert.equal(
    await source({ PATH: "/nowhere" }).obstacle(),
    "tfjs-node's own installer needs node on PATH",
  );
});
