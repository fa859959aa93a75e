import assert from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../shared/clock.ts";
import type { Log, LogFields } from "../../shared/log.ts";
import { keptLog } from "../../shared/testing/kept_log.ts";
import { keyDigest, newApiKey } from "./api_key.ts";
import { KeyRing, KeysFileError } from "./key_ring.ts";

/** Names of a ring's keys, for the asking. */
const [ADA, BOB] = [newApiKey(), newApiKey()];

function line(name: string, key: string): string {
  return `${JSON.stringify({ name, sha256: keyDigest(key).toHex() })}\n`;
}

interface Opened extends AsyncDisposable {
  readonly folder: string;
  readonly file: string;
  readonly ring: KeyRing;
  /** Waits for the next line of the log. */
  logged(): Promise<{ message: string; fields: LogFields }>;
}

/** A ring that follows a file with Ada's key. */
async function open(path: (folder: string) => Promise<string>): Promise<Opened> {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "weir-keys-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const file = await path(folder);
  const kept = keptLog();
  let told = Promise.withResolvers<void>();
  const telling = (level: keyof Log) => (message: string, fields?: LogFields) => {
    kept[level](message, fields);
    told.resolve();
    told = Promise.withResolvers();
  };
  const log = { ...kept, info: telling("info"), error: telling("error") };
  const ring = new KeyRing({ file, clock: systemClock, log });
  const stop = new AbortController();
  const following = ring.follow(stop.signal);
  stack.defer(async () => {
    stop.abort();
    await following;
  });
  let read = 0;
  const opened = stack.move();
  return {
    folder,
    file,
    ring,
    logged: async () => {
      while (kept.lines.length === read) await told.promise;
      return kept.lines[read++]!;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** A plain file in the folder. */
async function plain(folder: string): Promise<string> {
  const file = join(folder, "keys.jsonl");
  await Deno.writeTextFile(file, line("ada", ADA));
  return file;
}

Deno.test("a key is found by itself alone, and by its name", async () => {
  await using opened = await open(plain);
  const { ring } = opened;
  assert.equal(ring.find(ADA)?.name, "ada");
  for (const wrong of ["", "weir_", BOB, ADA.slice(0, -1), `${ADA}x`, keyDigest(ADA).toHex()]) {
    assert.equal(ring.find(wrong), undefined);
  }
  assert.equal(ring.named("ada"), ring.find(ADA));
  assert.equal(ring.named("bob"), undefined);
});

Deno.test("a file that is written again is read again", async () => {
  await using opened = await open(plain);
  const { file, ring, logged } = opened;
  await Deno.writeTextFile(file, line("bob", BOB));
  assert.deepEqual(await logged(), {
    level: "info",
    message: "api keys read again",
    fields: { file, keys: 1 },
  });
  assert.equal(ring.find(ADA), undefined);
  assert.equal(ring.find(BOB)?.name, "bob");
});

Deno.test("a file that another is renamed to is read again, time after time", async () => {
  await using opened = await open(plain);
  const { folder, file, ring, logged } = opened;
  for (const [name, key] of [["bob", BOB], ["ada", ADA]] as const) {
    await Deno.writeTextFile(join(folder, "next"), line(name, key));
    await Deno.rename(join(folder, "next"), file);
    await logged();
    assert.equal(ring.size, 1);
    assert.equal(ring.find(key)?.name, name);
  }
});

Deno.test("a file behind a link that comes to lead elsewhere is read again", async () => {
  // As Kubernetes mounts secrets: keys.jsonl → ..data/keys.jsonl, ..data → ..1, then ..2
  await using opened = await open(async (folder) => {
    for (const [version, text] of [["..1", line("ada", ADA)], ["..2", line("bob", BOB)]] as const) {
      await Deno.mkdir(join(folder, version));
      await Deno.writeTextFile(join(folder, version, "keys.jsonl"), text);
    }
    await Deno.symlink("..1", join(folder, "..data"));
    await Deno.symlink(join("..data", "keys.jsonl"), join(folder, "keys.jsonl"));
    return join(folder, "keys.jsonl");
  });
  const { folder, ring, logged } = opened;
  assert.equal(ring.find(ADA)?.name, "ada");
  await Deno.symlink("..2", join(folder, "..next"));
  await Deno.rename(join(folder, "..next"), join(folder, "..data"));
  await logged();
  assert.equal(ring.find(BOB)?.name, "bob");
});

Deno.test("a broken file, or none, leaves the keys as they were, and the log says why", async () => {
  await using opened = await open(plain);
  const { file, ring, logged } = opened;
  await Deno.writeTextFile(file, `${line("bob", BOB)}{"name":"eve"}\n`);
  const broken = await logged();
  assert.equal(broken.message, "api keys stay as they were");
  assert.match(String(broken.fields.error), /keys\.jsonl": line 2: "sha256": /);
  assert.equal(ring.find(ADA)?.name, "ada");
  assert.equal(ring.find(BOB), undefined);

  await Deno.writeTextFile(file, "");
  assert.match(String((await logged()).fields.error), /keys\.jsonl": is empty$/);

  await Deno.remove(file);
  assert.match(String((await logged()).fields.error), /keys\.jsonl": No such file or directory$/);
  assert.equal(ring.find(ADA)?.name, "ada");

  await Deno.writeTextFile(file, line("bob", BOB));
  assert.equal((await logged()).message, "api keys read again");
  assert.equal(ring.find(BOB)?.name, "bob");
});

Deno.test("a ring does not begin without a file that is right", async () => {
  await using opened = await open(plain);
  const parts = { clock: systemClock, log: keptLog() };
  const missing = join(opened.folder, "none");
  assert.throws(() => new KeyRing({ ...parts, file: missing }), (error: Error) => {
    assert(error instanceof KeysFileError);
    assert.equal(error.message, `cannot read "${missing}": No such file or directory`);
    return true;
  });
  await Deno.writeTextFile(missing, "{}");
  assert.throws(() => new KeyRing({ ...parts, file: missing }), KeysFileError);
});
