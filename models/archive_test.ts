import assert from "node:assert/strict";
import { join } from "node:path";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { ModelError } from "../worker/models/model_error.ts";
import { unpack, type UnpackOptions } from "./archive.ts";
import { snapshot } from "./testing/snapshot.ts";
import { tarGz, type TestEntry, zip } from "./testing/archives.ts";

const FILES: readonly TestEntry[] = [
  { name: "net/", type: "directory" },
  { name: "net/model.json", text: '{"format": "graph-model"}' },
  { name: "net/weights/a.bin", text: "x".repeat(100_000) },
];

const FORMATS = [["gzip", tarGz], ["zip", zip]] as const;

/** Unpacks entries in a folder of its own; what lies beside it must stay as it is. */
async function unpacked(
  format: "gzip" | "zip",
  bytes: Uint8Array,
  options: Partial<UnpackOptions> = {},
): Promise<Record<string, string>> {
  await using temporary = await TemporaryFolder.make("weir-archive-");
  const { path: folder } = temporary;
  const [file, into] = [join(folder, "archive"), join(folder, "into")];
  await Deno.writeFile(file, bytes);
  await Deno.mkdir(into);
  const { signal } = new AbortController();
  try {
    await unpack(file, format, into, { name: "a.archive", bytesMax: 1e6, signal, ...options });
  } finally {
    const there = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assert.deepEqual(there.sort(), ["archive", "into"], "something was written outside");
  }
  return await snapshot(into);
}

async function assertRefused(
  format: "gzip" | "zip",
  bytes: Uint8Array,
  state: RegExp,
  options: Partial<UnpackOptions> = {},
): Promise<void> {
  await assert.rejects(unpacked(format, bytes, options), (error: Error) => {
    assert(error instanceof ModelError, String(error.stack));
    assert.match(error.message, state);
    assert(error.message.includes("a.archive"), error.message);
    return true;
  });
}

for (const [format, pack] of FORMATS) {
  Deno.test(`archive: the files of a ${format} are unpacked into their folders`, async () => {
    const files = await unpacked(format, await pack(FILES));
    assert.deepEqual(Object.keys(files).sort(), [
      "net",
      "net/model.json",
      "net/weights",
      "net/weights/a.bin",
    ]);
  });

  for (const name of ["../out", "net/../../out", "/weir-archive-out"]) {
    Deno.test(`archive: a ${format} with the path ${name} is refused`, async () => {
      await assertRefused(format, await pack([{ name, text: "x" }]), /out of|relative|absolute/);
    });
  }

  Deno.test(`archive: a ${format} beyond the bound of bytes is refused`, async () => {
    const options = { bytesMax: 50_000 };
    await assertRefused(format, await pack(FILES), /larger than 50\.0 kB/, options);
  });

  Deno.test(`archive: a ${format} beyond the bound of entries is refused`, async () => {
    const many = Array.from({ length: 2_001 }, (_, i) => ({ name: `${i}`, text: "" }));
    await assertRefused(format, await pack(many), /more than 2000 entries/);
  });

  Deno.test(`archive: a ${format} with a file twice is refused`, async () => {
    const twice = [{ name: "a", text: "1" }, { name: "a", text: "2" }];
    await assertRefused(format, await pack(twice), /exist/i);
  });

  Deno.test(`archive: a ${format} that is cut short is refused`, async () => {
    const bytes = await pack(FILES);
    await assertRefused(format, bytes.subarray(0, bytes.length - 40), /cannot unpack/);
  });

  Deno.test(`archive: unpacking a ${format} that is stopped throws the signal's reason`, async () => {
    const { signal } = { signal: AbortSignal.abort() };
    await assert.rejects(unpacked(format, await pack(FILES), { signal }), { name: "AbortError" });
  });
}

for (const type of ["symlink", "link", "fifo"] as const) {
  Deno.test(`archive: a tar with a ${type} is refused`, async () => {
    const entry = { name: "net", type, linkname: "/etc" };
    await assertRefused("gzip", await tarGz([entry]), new RegExp(`"net" is a ${type}`));
  });
}
