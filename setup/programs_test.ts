import assert from "node:assert/strict";
import { lastWords, Programs } from "./programs.ts";
import { scratch } from "./testing/scratch.ts";

const { signal } = new AbortController();

Deno.test("programs are found in the order of the search path", async () => {
  await using bin = await scratch();
  const first = await bin.program("first/tool", "");
  await bin.program("second/tool", "");
  const programs = new Programs({
    PATH: [bin.path("absent"), bin.path("first"), bin.path("second")].join(":"),
  });
  assert.equal(await programs.find("tool"), first);
});

Deno.test("programs leave out folders and files that cannot be executed", async () => {
  await using bin = await scratch();
  await bin.write("plain/tool", "");
  await Deno.mkdir(bin.path("folder", "tool"), { recursive: true });
  const programs = new Programs({ PATH: `${bin.path("plain")}:${bin.path("folder")}` });
  assert.equal(await programs.find("tool"), undefined);
});

Deno.test("programs are not searched without a search path", async () => {
  assert.equal(await new Programs({}).find("sh"), undefined);
});

Deno.test("a program sees the environment handed in, the call's additions, and nothing else", async () => {
  const programs = new Programs({ PATH: "/nowhere", COLOUR: "red" });
  const run = await programs.run("/usr/bin/env", [], { env: { SHAPE: "disc" }, signal });
  const names = run.stdout.trim().split("\n").toSorted();
  assert.deepEqual(names, ["COLOUR=red", "PATH=/nowhere", "SHAPE=disc"]);
});

Deno.test("a program's arguments reach it unparsed", async () => {
  await using bin = await scratch();
  const echo = await bin.program("echo", 'printf "%s|" "$@"');
  const run = await new Programs({}).run(echo, ["a b", "$HOME", "*"], { signal });
  assert.equal(run.stdout, "a b|$HOME|*|");
});

Deno.test("a failed program's last words are its last line that is not empty", async () => {
  await using bin = await scratch();
  const tool = await bin.program("tool", "echo working; echo 'no such wheel\n' >&2; exit 3");
  const run = await new Programs({}).run(tool, [], { signal });
  assert.equal(run.ok, false);
  assert.equal(lastWords(run), "no such wheel");
});

Deno.test("a program that is overdue is ended and counts as failed", async () => {
  const programs = new Programs({ PATH: "/usr/bin:/bin" });
  const run = await programs.run("/bin/sleep", ["600"], { timeoutMs: 1, signal });
  assert.equal(run.ok, false);
  assert.equal(lastWords(run), "not finished within 1 ms");
});

Deno.test("aborting ends a running program and rejects with the reason", async () => {
  await using bin = await scratch();
  const started = bin.path("started");
  const tool = await bin.program("tool", `echo > ${started}\nexec sleep 600`);
  const abort = new AbortController();
  const watcher = Deno.watchFs(bin.folder);
  const run = new Programs({ PATH: "/usr/bin:/bin" }).run(tool, [], { signal: abort.signal });
  for await (const { paths } of watcher) {
    if (paths.includes(started)) break;
  }
  abort.abort(new Error("enough"));
  await assert.rejects(run, /enough/);
});
