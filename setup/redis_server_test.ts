import assert from "node:assert/strict";
import { Programs } from "./programs.ts";
import { isRedisRecent, parseRedisVersion, provideRedisServer } from "./redis_server.ts";
import { machine, ROOT, scratch } from "./testing/scratch.ts";

Deno.test("the version is read from what the servers print", () => {
  const redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=97";
  assert.equal(parseRedisVersion(redis), "7.0.15");
  assert.equal(parseRedisVersion("Valkey server v=8.1.1 sha=00000000:0"), "8.1.1");
  assert.equal(parseRedisVersion("Redis server v=255.255.255 sha=1"), "255.255.255");
  assert.equal(parseRedisVersion("command not found"), undefined);
});

Deno.test("a version is recent from 6.2 on, compared as numbers", () => {
  const recent = ["6.2", "6.2.0", "6.10.1", "7.0.15", "8.0", "10.0.1"];
  const old = ["6.1.9", "6.0.16", "5.0.14", "2.8.24"];
  assert.deepEqual([...recent, ...old].filter(isRedisRecent), recent);
});

Deno.test("the server program of this machine is found and says its version", async () => {
  await using bin = await scratch();
  const programs = new Programs(Deno.env.toObject());
  const server = await provideRedisServer({ ...machine(bin), programs });
  assert(server.state === "found", "set-up provides redis-server before the tests run");
  assert.ok(isRedisRecent(server.version));
  assert.ok((await Deno.stat(server.path)).isFile);
});

Deno.test("a server that is too old is passed over for one that is not", async () => {
  await using bin = await scratch();
  await bin.program("redis-server", "echo Redis server v=6.0.16 sha=0");
  const valkey = await bin.program("valkey-server", "echo Valkey server v=8.0.2 sha=0");
  const found = await provideRedisServer(machine(bin));
  assert.deepEqual(found, { state: "found", path: valkey, version: "8.0.2" });
});

Deno.test("without a server and a package manager, a sentence says what to install", async () => {
  await using bin = await scratch();
  assert.deepEqual(await provideRedisServer(machine(bin)), {
    state: "missing",
    reason: "redis-server 6.2 or later not found; " +
      "install redis-server with the package manager of this system",
  });
});

Deno.test("a server that is too old is named with its version", async () => {
  await using bin = await scratch();
  const old = await bin.program("redis-server", "echo Redis server v=6.0.16 sha=0");
  await bin.program("dnf", "exit 1");
  assert.deepEqual(await provideRedisServer(machine(bin)), {
    state: "missing",
    reason: `redis-server 6.2 or later too old: ${old} is 6.0.16; ` +
      "install redis-server with `sudo dnf install valkey`",
  });
});

Deno.test("as root on Debian the server is installed and its service kept off", async () => {
  await using bin = await scratch();
  const path = bin.path("redis-server");
  const server = await bin.program("package/redis-server", "echo Redis server v=7.0.15 sha=0");
  await bin.program(
    "apt-get",
    `case "$*" in *install*redis-server) /bin/mv ${server} ${path}; esac`,
  );
  await bin.program("update-rc.d", `echo "$@" > ${bin.path("service.log")}`);
  const report = await provideRedisServer(machine(bin, ROOT));
  assert.deepEqual(report, { state: "installed", path, version: "7.0.15" });
  const log = await Deno.readTextFile(bin.path("service.log"));
  assert.equal(log, "redis-server disable\n");
});
