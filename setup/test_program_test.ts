import assert from "node:assert/strict";
import { provideTestProgram } from "./test_program.ts";
import { machine, ROOT, scratch } from "./testing/scratch.ts";

Deno.test("a browser is found under any of its names, and says its version", async () => {
  await using bin = await scratch();
  const path = await bin.program("google-chrome", "echo Google Chrome 150.0.7871.100");
  assert.deepEqual(await provideTestProgram("chromium", machine(bin)), {
    state: "found",
    path,
    version: "Google Chrome 150.0.7871.100",
  });
});

Deno.test("a program that only tells how to get the browser is passed over", async () => {
  await using bin = await scratch();
  await bin.program("chromium-browser", "echo 'requires the chromium snap' >&2; exit 1");
  assert.deepEqual(await provideTestProgram("chromium", machine(bin)), {
    state: "missing",
    reason: "chromium not found; install chromium with the package manager of this system",
  });
});

Deno.test("as root on Debian the browser is installed", async () => {
  await using bin = await scratch();
  const path = bin.path("chromium");
  const browser = await bin.program("package/chromium", "echo Chromium 150.0.7871.100");
  await bin.program("apt-get", `case "$*" in *install*chromium) /bin/mv ${browser} ${path}; esac`);
  assert.deepEqual(await provideTestProgram("chromium", machine(bin, ROOT)), {
    state: "installed",
    path,
    version: "Chromium 150.0.7871.100",
  });
});

Deno.test("as root on Debian the checker of metrics comes with Prometheus", async () => {
  await using bin = await scratch();
  const path = bin.path("promtool");
  const promtool = await bin.program("package/promtool", "echo promtool, version 2.42.0");
  await bin.program(
    "apt-get",
    `case "$*" in *install*prometheus) /bin/mv ${promtool} ${path}; esac`,
  );
  assert.deepEqual(await provideTestProgram("promtool", machine(bin, ROOT)), {
    state: "installed",
    path,
    version: "promtool, version 2.42.0",
  });
});
