/** systemd's units: judged by systemd, and their commands run as they are written. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { call, post } from "../e2e/client.ts";
import { Program, ROOT } from "../e2e/program.ts";
import { tempFolder } from "../e2e/temp_folder.ts";
import { parseConfig } from "../shared/config.ts";
import { freePort } from "../shared/redis_server.ts";
import { testRedis } from "../shared/testing/redis.ts";
import { commandOf, read, type Role, ROLES, stopMs } from "./testing/files.ts";

/** How much a unit is exposed, of 100, as systemd reckons it: "OK" ends at 50. */
const EXPOSURE_MAX = 20;

type Unit = ReadonlyMap<string, readonly string[]>;

async function unitOf(role: Role): Promise<Unit> {
  const unit = new Map<string, string[]>();
  for (const line of (await read(`systemd/weir-${role}@.service`)).split("\n")) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) unit.set(name, [...unit.get(name) ?? [], value!]);
  }
  return unit;
}

/** What a unit's process has in its environment, its instance being a port. */
function environmentOf(unit: Unit, port: number): Record<string, string> {
  const texts = unit.get("Environment")!.flatMap((text) => text.split(" "));
  return Object.fromEntries(
    texts.map((text) => text.replaceAll("%i", String(port)).replaceAll("%H", "host").split("=")),
  );
}

const analyze = await new Deno.Command("systemd-analyze", { args: ["--version"] }).output()
  .then(({ stdout }) => Number(/^systemd (\d+)/.exec(new TextDecoder().decode(stdout))?.[1]))
  .catch(() => 0);
// deno-lint-ignore no-console -- who runs the tests is to know what was not tested
console.log(`systemd-analyze: ${analyze >= 250 ? "used" : "absent, or older than 250"}`);

async function assertAnalyzed(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", { args }).output();
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  assert.equal(code, 0, `systemd-analyze ${args.join(" ")}: ${said}`);
  assert.doesNotMatch(said, /Unknown|ignoring|Invalid|Failed/);
}

Deno.test({
  name: "systemd understands every line of the units, and finds them hardened",
  ignore: analyze < 250,
  fn: async () => {
    await using folder = await tempFolder();
    const units = ROLES.map((role) => `weir-${role}@.service`);
    for (const name of [...units, "weir.target"]) {
      const text = await read(`systemd/${name}`);
      const path = join(folder.path, name);
      await Deno.writeTextFile(path, text.replace("/usr/local/bin/deno", Deno.execPath()));
    }
    for (const name of [...units, "weir.target"]) {
      await assertAnalyzed("verify", "--man=no", join(folder.path, name));
    }
    for (const name of units) {
      const threshold = `--threshold=${EXPOSURE_MAX}`;
      const path = join(folder.path, name);
      await assertAnalyzed("security", "--offline=true", threshold, "--no-pager", path);
    }
  },
});

Deno.test("a unit runs its role as the task does, and gives it the time that it needs to stop", async () => {
  for (const role of ROLES) {
    const unit = await unitOf(role);
    const [command] = unit.get("ExecStart")!;
    assert.deepEqual(command!.split(" "), ["/usr/local/bin/deno", ...commandOf(role).slice(1)]);
    assert(Number(unit.get("TimeoutStopSec")) * 1000 >= stopMs(environmentOf(unit, 8081)), role);
    // With the default the process would get the signal of its group as well.
    assert.deepEqual(unit.get("KillMode"), ["mixed"]);
  }
});

Deno.test("the units' settings are ones that there are", async () => {
  const file = parseEnv(await read("systemd/weir.env")) as Record<string, string>;
  for (const role of ROLES) {
    const env = { ...environmentOf(await unitOf(role), 8081), ...file };
    const { ok, ...read } = parseConfig(env, { forClients: role === "gateway" });
    assert(ok, JSON.stringify(read));
  }
});

Deno.test("the units' commands serve a photo, with the units' environment, and drain", async () => {
  await using redis = await testRedis();
  const run = async (role: Role): Promise<Program> => {
    const unit = await unitOf(role);
    const [, ...args] = unit.get("ExecStart")![0]!.split(" ");
    const { DENO_DIR: _, ...env } = environmentOf(unit, freePort());
    return new Program(role, args, { ...env, REDIS_URL: redis.server.url, WEIR_ENGINE: "wasm" });
  };
  await using worker = await run("worker");
  await worker.line(/worker ready/);
  await using gateway = await run("gateway");
  const url = /http:[^\s"]+/.exec(await gateway.line(/gateway ready/))![0];
  const photo = await Deno.readFile(join(ROOT, "fixtures", "photos", "star.jpg"));
  const { status, body } = await post(`${url}/predict`, photo);
  assert.deepEqual([status, body.predictions[0].label], [200, "star"]);
  const told = /http:[^\s"]+/.exec(await worker.line(/status served/))![0];
  assert.equal((await call(`${told}/readyz`)).status, 200);
  for (const program of [gateway, worker]) {
    program.kill("SIGTERM");
    assert.equal(await program.code(), 0);
  }
});
