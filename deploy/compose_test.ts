/** Compose's layout, held against the roles and judged by Compose itself; its Redis, started. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../e2e/program.ts";
import { TemporaryFolder } from "../shared/temporary_folder.ts";
import { testRedis } from "../shared/testing/redis.ts";
import { PORTS, read, readYaml, type Role, ROLES, stopMs, whyNotPinned } from "./testing/files.ts";
import { assertLinter, withoutLinters } from "./testing/linters.ts";

interface Service {
  readonly image: string;
  readonly build?: {
    readonly context: string;
    readonly dockerfile: string;
    readonly target: string;
  };
  readonly scale?: number;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly mem_limit?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<Role | "redis" | "proxy", Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

const { services, networks } = await readYaml<Compose>("compose.yaml");

Deno.test({
  name: "compose understands its file, given what it asks for",
  ignore: withoutLinters,
  fn: async () => {
    const file = join(ROOT, "deploy", "compose.yaml");
    const given = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(given, "REDIS_PASSWORD=secret\nWEIR_KEYS=/etc/weir\n");
      await assertLinter(
        "docker-compose",
        "--env-file",
        given,
        "--file",
        file,
        "config",
        "--quiet",
      );
    } finally {
      await Deno.remove(given);
    }
  },
});

Deno.test("compose runs two gateways behind one address, workers, and one Redis", () => {
  assert.deepEqual(Object.keys(services).sort(), ["gateway", "proxy", "redis", "worker"]);
  assert.deepEqual([services.gateway.scale, services.worker.scale], [2, 2]);
  for (const role of ROLES) {
    assert.deepEqual(services[role].build, {
      ...{ context: "..", dockerfile: "deploy/Dockerfile", target: role },
    });
  }
});

Deno.test("compose lets no service do more than it must", () => {
  for (const [name, service] of Object.entries(services)) {
    assert.equal(whyNotPinned(service.image), undefined);
    assert.equal(service.read_only, true, `${name} may write into its image`);
    assert.deepEqual(service.cap_drop, ["ALL"], name);
    assert.deepEqual(service.security_opt, ["no-new-privileges:true"], name);
    assert(service.mem_limit !== undefined, `${name} has no bound on its memory`);
    assert(name === "redis" || service.volumes!.every((volume) => volume.endsWith(":ro")), name);
  }
  assert.deepEqual(networks["inside"], { internal: true });
  const outside = Object.keys(services).filter((name) =>
    services[name as Role].ports !== undefined ||
    services[name as Role].networks.includes("outside")
  );
  assert.deepEqual(outside, ["proxy"]);
});

Deno.test("compose gives every role the time that it needs to stop", () => {
  for (const name of [...ROLES, "proxy"] as const) {
    const seconds = Number(/^(\d+)s$/.exec(services[name].stop_grace_period!)![1]);
    assert(seconds * 1000 >= stopMs(services[name].environment), name);
  }
});

Deno.test("the proxy hears that a gateway leaves before it drains", async () => {
  const [, inter, fall] = /check inter (\d+)ms fall (\d+)/.exec(await read("haproxy.cfg"))!;
  const delayMs = Number(services.gateway.environment!["WEIR_DRAIN_DELAY_MS"]);
  // Once more for a check that is under way, and is slow to be answered.
  assert(delayMs >= (Number(fall) + 1) * Number(inter));
});

Deno.test("compose asks a role at its own port whether it is ready", () => {
  for (const role of ROLES) {
    assert.equal(services[role].healthcheck!.test.at(-1), `http://127.0.0.1:${PORTS[role]}/readyz`);
  }
});

Deno.test("the proxy looks for gateways where they are", async () => {
  const proxy = await read("haproxy.cfg");
  assert(proxy.includes(`gateway:${PORTS.gateway}\n`));
  assert(services.proxy.ports![0]!.endsWith(`:${/bind :(\d+)/.exec(proxy)![1]}`));
  assert(proxy.includes("option httpchk GET /readyz\n"));
  // By default a gateway gives a connection that sends nothing as long as it likes.
  assert.match(proxy, /timeout http-request \d+s/);
});

Deno.test("redis takes its settings, refuses rather than forgets, and writes down what it has", async () => {
  await using temporary = await TemporaryFolder.make("weir-deploy-test-");
  const { path: folder } = temporary;
  const lines = (await read("redis.conf")).split("\n").filter((line) => /^[a-z]/.test(line));
  const given = Object.fromEntries(lines.map((line) => line.split(/ (.*)/) as [string, string]));
  await using redis = await testRedis({ folder, settings: given });
  const has = async (name: string) => (await redis.client.config("GET", name) as string[])[1];
  assert.equal(await has("maxmemory-policy"), "noeviction");
  assert.equal(await has("maxmemory"), String(2 ** 30));
  assert.equal(await has("appendonly"), "yes");
  assert.equal(await has("save"), "");
});
