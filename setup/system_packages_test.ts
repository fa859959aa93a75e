import assert from "node:assert/strict";
import { machine, ROOT, scratch } from "./testing/scratch.ts";

/** By package manager, what a person is told when `redis-server` and `g++` are missing. */
const ADVICE = {
  "brew": "install redis-server and g++ with `brew install redis gcc`",
  "apt-get": "install redis-server and g++ with `sudo apt-get install redis-server g++`",
  "dnf": "install redis-server and g++ with `sudo dnf install valkey gcc-c++`",
  "apk": "install redis-server and g++ with `sudo apk add redis g++`",
  "pacman": "install redis-server and g++ with `sudo pacman -S valkey gcc`",
};

for (const [manager, advice] of Object.entries(ADVICE)) {
  Deno.test(`a user other than root is told the command of ${manager}`, async () => {
    await using bin = await scratch();
    await bin.program(manager, "exit 1");
    assert.equal(await machine(bin).packages.install(["redis-server", "g++"]), advice);
  });
}

Deno.test("a system without a known package manager gets a sentence", async () => {
  await using bin = await scratch();
  const advice = await machine(bin, ROOT).packages.install(["pip"]);
  assert.equal(advice, "install pip with the package manager of this system");
});

Deno.test("root on Debian installs unattended, the lists updated first", async () => {
  await using bin = await scratch();
  const log = bin.path("apt.log");
  await bin.program("apt-get", `echo "$DEBIAN_FRONTEND $*" >> ${log}`);
  assert.equal(await machine(bin, ROOT).packages.install(["g++", "pip"]), undefined);
  const calls = (await Deno.readTextFile(log)).trim().split("\n");
  assert.equal(calls.length, 2);
  assert.match(calls[0] ?? "", /^noninteractive .* update$/);
  assert.match(calls[1] ?? "", /^noninteractive .* install --yes .* g\+\+ python3-pip$/);
});

Deno.test("a package's script finds stand-ins for what would start its service", async () => {
  await using bin = await scratch();
  // What dpkg does with the option: the path of the package's scripts. Their `start` must do nothing.
  await bin.program(
    "apt-get",
    `for argument; do case "$argument" in DPkg::Path=*) PATH="\${argument#*=}"; export PATH
      invoke-rc.d --skip-systemd-native redis-server start && deb-systemd-invoke start redis-server
      exit;; esac; done`,
  );
  assert.equal(await machine(bin, ROOT).packages.install(["redis-server"]), undefined);
  const left = [...Deno.readDirSync(bin.folder)].map(({ name }) => name);
  assert.deepEqual(left, ["apt-get"], "the stand-ins are gone afterwards");
});

Deno.test("what apt-get says of its failure stands beside the command", async () => {
  await using bin = await scratch();
  await bin.program("apt-get", "echo 'E: Unable to locate package g++' >&2; exit 100");
  assert.equal(
    await machine(bin, ROOT).packages.install(["g++"]),
    "install g++ with `sudo apt-get install g++` " +
      "(apt-get failed: E: Unable to locate package g++)",
  );
});
