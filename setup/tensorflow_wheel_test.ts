import assert from "node:assert/strict";
import { Programs } from "./programs.ts";
import { downloadWheel, extractZip, findPip, type Wheel } from "./tensorflow_wheel.ts";
import { fileSha256 } from "../shared/file_digest.ts";
import { recordedProgress } from "./testing/recorded_progress.ts";
import { type Scratch, scratch } from "./testing/scratch.ts";

const { signal } = new AbortController();
const programs = new Programs(Deno.env.toObject());
const pip = await findPip(programs, { signal });
/** `python3 -m zipfile` makes the archives; it is there where pip is. */
const python = await programs.find("python3");
const ignore = pip === undefined || python === undefined;

const NAME = "weirtest-1.0-cp312-cp312-manylinux_2_27_x86_64.whl";

/** A folder `index/` with one small real wheel, as a mirror on disk would have it. */
async function smallIndex(folder: Scratch): Promise<Wheel> {
  const info = "wheel/weirtest-1.0.dist-info";
  await folder.write(`${info}/METADATA`, "Metadata-Version: 2.1\nName: weirtest\nVersion: 1.0\n");
  await folder.write(
    `${info}/WHEEL`,
    "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-manylinux_2_27_x86_64\n",
  );
  await folder.write(`${info}/RECORD`, "");
  await folder.write("wheel/weirtest/library.so.2", "library".repeat(10_000));
  await folder.write("wheel/weirtest/other.py", "pass");
  const path = folder.path("index", NAME);
  await Deno.mkdir(folder.path("index"));
  const sources = [folder.path("wheel", "weirtest"), folder.path(info)];
  const run = await programs.run(python ?? "", ["-m", "zipfile", "-c", path, ...sources], {
    signal,
  });
  assert.ok(run.ok, run.stderr);
  return {
    project: "weirtest",
    version: "1.0",
    python: "312",
    abi: "cp312",
    platform: "manylinux_2_27_x86_64",
    bytes: (await Deno.stat(path)).size,
    sha256: await fileSha256(path),
  };
}

async function download(folder: Scratch, wheel: Wheel): ReturnType<typeof downloadWheel> {
  const work = folder.path("work");
  await Deno.mkdir(work);
  const offline = { PIP_NO_INDEX: "1", PIP_FIND_LINKS: folder.path("index") };
  return await downloadWheel(wheel, work, pip ?? ["pip"], {
    programs: new Programs({ ...Deno.env.toObject(), ...offline }),
    progress: recordedProgress(),
    signal,
  });
}

Deno.test({
  name: "pip fetches the pinned wheel from wherever the user's settings say",
  ignore,
  fn: async () => {
    await using folder = await scratch();
    const wheel = await smallIndex(folder);
    assert.deepEqual(await download(folder, wheel), { path: folder.path("work", NAME) });
  },
});

Deno.test({
  name: "a wheel whose SHA-256 is not the pinned one is refused",
  ignore,
  fn: async () => {
    await using folder = await scratch();
    const wheel = await smallIndex(folder);
    const pinned = "0".repeat(64);
    assert.deepEqual(await download(folder, { ...wheel, sha256: pinned }), {
      fault: `cannot use "${NAME}": its SHA-256 is ${wheel.sha256}, not ${pinned}`,
    });
  },
});

Deno.test({
  name: "a wheel that no index has is one sentence",
  ignore,
  fn: async () => {
    await using folder = await scratch();
    const wheel = await smallIndex(folder);
    assert.deepEqual(await download(folder, { ...wheel, version: "2.0" }), {
      fault: "pip cannot download weirtest 2.0: " +
        "ERROR: No matching distribution found for weirtest==2.0",
    });
  },
});

Deno.test({
  name: "only the placed entries of an archive are extracted",
  ignore,
  fn: async () => {
    await using folder = await scratch();
    await smallIndex(folder);
    const place = (entry: string): string | undefined =>
      entry.endsWith(".so.2") ? folder.path("out", entry) : undefined;
    await extractZip(folder.path("index", NAME), place, { signal });
    assert.equal(
      await Deno.readTextFile(folder.path("out", "weirtest", "library.so.2")),
      "library".repeat(10_000),
    );
    await assert.rejects(Deno.stat(folder.path("out", "weirtest", "other.py")));
  },
});

Deno.test("the digest of a file larger than one piece is right", async () => {
  await using folder = await scratch();
  const path = await folder.write("zeros", "");
  await Deno.truncate(path, 3 * (1 << 20) + 7);
  const bytes = await crypto.subtle.digest("SHA-256", new Uint8Array(3 * (1 << 20) + 7));
  assert.equal(await fileSha256(path), new Uint8Array(bytes).toHex());
});
