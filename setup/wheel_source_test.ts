import assert from "node:assert/strict";
import { recordedProgress } from "./testing/recorded_progress.ts";
import { machine, type Scratch, scratch } from "./testing/scratch.ts";
import { placeEntry, WheelSource, type WheelSourceOptions } from "./wheel_source.ts";

const LINUX = { os: "linux", arch: "x86_64", env: "gnu" } as const;

function source(bin: Scratch, build: WheelSourceOptions["build"]): WheelSource {
  const progress = recordedProgress();
  return new WheelSource("4.22.0", {
    ...machine(bin),
    progress,
    packageFolder: bin.folder,
    build,
  });
}

Deno.test("systems without TensorFlow's Linux libraries are told so", async () => {
  await using bin = await scratch();
  assert.equal(
    await source(bin, { os: "darwin", arch: "aarch64" }).obstacle(),
    "TensorFlow's libraries are published for Linux with glibc, not for darwin on aarch64",
  );
  assert.match(await source(bin, { ...LINUX, env: "musl" }).obstacle() ?? "", /with glibc/);
});

Deno.test("a missing compiler and a missing pip are named together", async () => {
  await using bin = await scratch();
  await bin.program("apt-get", "exit 1");
  assert.equal(
    await source(bin, LINUX).obstacle(),
    "install g++ and pip with `sudo apt-get install g++ python3-pip`",
  );
});

Deno.test("a python without pip counts as no pip", async () => {
  await using bin = await scratch();
  await bin.program("apt-get", "exit 1");
  await bin.program("g++", "");
  await bin.program("python3", "echo No module named pip >&2; exit 1");
  const advice = "install pip with `sudo apt-get install python3-pip`";
  assert.equal(await source(bin, LINUX).obstacle(), advice);
  await bin.program("pip3", "echo pip 23.0");
  assert.equal(await source(bin, LINUX).obstacle(), undefined);
});

Deno.test("the key changes with the platform, for the files do", async () => {
  await using bin = await scratch();
  const keys = (["x86_64", "aarch64"] as const).map((arch) => source(bin, { ...LINUX, arch }).key);
  assert.match(
    keys[0] ?? "",
    /^tfjs-node-4\.22\.0-tensorflow-[\d.]+-manylinux.*_x86_64-[0-9a-f]{12}$/,
  );
  assert.match(keys[1] ?? "", /_aarch64-/);
});

Deno.test("of a wheel's entries the libraries and the C API's headers have a place", () => {
  const place = (entry: string): string | undefined => placeEntry(entry, "/tree", "/include");
  assert.equal(
    place("tensorflow/libtensorflow_cc.so.2"),
    "/tree/deps/lib/libtensorflow_cc.so.2",
  );
  assert.equal(place("tensorflow/include/tensorflow/c/c_api.h"), "/include/tensorflow/c/c_api.h");
  assert.equal(
    place("tensorflow/include/xla/tsl/c/tsl_status.h"),
    "/include/xla/tsl/c/tsl_status.h",
  );
  assert.equal(place("tensorflow/include/tensorflow/cc/client/client_session.h"), undefined);
  assert.equal(place("tensorflow/python/libtensorflow_cc.so.2"), undefined);
  assert.equal(place("tensorflow/__init__.py"), undefined);
});
