/** The images' recipe: judged by a linter, and its steps done here as far as they need no image. */
import dockerignore from "@balena/dockerignore";
import assert from "node:assert/strict";
import { delimiter, dirname, join } from "node:path";
import { call, post } from "../e2e/client.ts";
import { environment, Program, ROOT } from "../e2e/program.ts";
import { testRedis } from "../shared/testing/redis.ts";
import { commandOf, PORTS, read, type Role, whyNotPinned } from "./testing/files.ts";
import { assertLinter, withoutLinters } from "./testing/linters.ts";

/** Where the images have their files. */
const WORKDIR = "/weir";

/** The instructions of each stage, continued lines joined. */
async function stages(): Promise<Map<string, string[]>> {
  const text = (await read("Dockerfile")).replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, "");
  const stages = new Map<string, string[]>();
  for (const stage of text.split(/^(?=FROM )/m).filter((part) => part.startsWith("FROM "))) {
    const lines = stage.split("\n").filter((line) => line !== "");
    stages.set(/ AS (\S+)$/.exec(lines[0]!)![1]!, lines);
  }
  return stages;
}

const recipe = await stages();

/** What follows an instruction of a stage. */
function given(stage: string, instruction: string): string[] {
  return recipe.get(stage)!
    .filter((line) => line.startsWith(`${instruction} `))
    .map((line) => line.slice(instruction.length + 1));
}

Deno.test({
  name: "hadolint has nothing to say of the Dockerfile",
  ignore: withoutLinters,
  fn: async () => {
    // DL4006 is about pipes that hide a failure: here what is found is the failure.
    await assertLinter("hadolint", "--ignore", "DL4006", join(ROOT, "deploy", "Dockerfile"));
  },
});

Deno.test("images are made of exact versions, and of the Deno that everything else runs on", async () => {
  const froms = [...recipe.keys()].flatMap((stage) => given(stage, "FROM"));
  const images = froms.map((from) => from.split(" ")[0]!).filter((image) => image.includes("/"));
  assert.equal(images.length, 2);
  for (const image of images) assert.equal(whyNotPinned(image), undefined);
  const [, version] = /deno:bin-(\S+)/.exec(images.join(" "))!;
  const ci = await Deno.readTextFile(join(ROOT, ".ci", "run"));
  assert(ci.includes(`deno@${version} `), `CI does not run on Deno ${version}`);
});

Deno.test("an image runs its role as the task does, as nobody in particular", () => {
  for (const [stage, role] of [["gateway", "gateway"], ["worker-lean", "worker"]] as const) {
    assert.deepEqual(JSON.parse(given(stage, "ENTRYPOINT")[0]!), commandOf(role));
    assert.deepEqual(given(stage, "EXPOSE"), [String(PORTS[role])]);
    const [healthcheck] = given(stage, "HEALTHCHECK");
    // Alive, not ready: who starts again what is unhealthy is not to do so while Redis is away.
    assert(healthcheck!.endsWith(`"http://127.0.0.1:${PORTS[role]}/healthz"]`));
  }
  assert.deepEqual(given("worker-lean", "ENV"), [`WEIR_METRICS_PORT=${PORTS.worker}`]);
  assert.match(given("role", "USER")[0]!, /^[1-9]\d*:[1-9]\d*$/);
  // Who can read what its owner alone may read?
  assert.match(given("packages", "RUN")[0]!, / && chmod -R a\+rX node_modules$/);
  const bases = ["gateway", "worker-lean", "worker"].map((stage) => given(stage, "FROM")[0]!);
  assert.deepEqual(bases.map((from) => from.split(" ")[0]), ["role", "role", "worker-lean"]);
});

Deno.test("a health check ends well where the answer is good, and only there", async () => {
  const [, ...args] = JSON.parse(given("gateway", "HEALTHCHECK")[0]!.replace(/^.*? CMD /, ""));
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }) => new Response(null, { status: url.endsWith("/well") ? 200 : 503 }),
  );
  const codeOf = async (url: string) => {
    const command = new Deno.Command(Deno.execPath(), {
      args: [...args.slice(0, -1), url],
      cwd: ROOT,
    });
    return (await command.output()).code;
  };
  const base = `http://127.0.0.1:${server.addr.port}`;
  assert.deepEqual([await codeOf(`${base}/well`), await codeOf(`${base}/ill`)], [0, 1]);
  await server.shutdown();
  assert.equal(await codeOf(`${base}/well`), 1);
});

/** What a build is given of the checkout. */
async function context(): Promise<string[]> {
  const listed = await new Deno.Command("git", {
    args: ["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
    cwd: ROOT,
  }).output();
  const paths = new TextDecoder().decode(listed.stdout).split("\0").filter((path) => path !== "");
  const ignore = await Deno.readTextFile(join(ROOT, ".dockerignore"));
  return dockerignore.default().add(ignore).filter(paths);
}

Deno.test("an image is given the programs, without tests, keys and what else lies about", async () => {
  const paths = await context();
  assert(paths.includes("main.ts") && paths.includes("gateway/page/index.html"));
  const wrong = paths.filter((path) => /_test\.ts$|^\.|\.env|^e2e\/|^docs\//.test(path));
  assert.deepEqual(wrong, []);
});

/** Runs a program in a folder, and asserts that it ends well. */
async function runIn(folder: string, program: string, args: string[]): Promise<void> {
  // The cache of the one who runs the tests is not to be cleaned.
  const { PATH, ...env } = environment({ DENO_DIR: join(folder, ".cache") });
  const path = dirname(Deno.execPath()) + delimiter + PATH;
  const options = { args, cwd: folder, clearEnv: true, env: { ...env, PATH: path } };
  const { code, stderr } = await new Deno.Command(program, options).output();
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Does what a stage does with the context and all packages, in a folder on the disk of the
 * checkout, where packages can be links.
 */
async function buildIn(folder: string, stage: string): Promise<void> {
  for (const path of await context()) {
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await Deno.copyFile(join(ROOT, path), join(folder, path));
  }
  await runIn(folder, "cp", ["-al", join(ROOT, "node_modules"), folder]);
  for (const script of given(stage, "RUN")) {
    await runIn(folder, "sh", ["-ec", script.replaceAll(`=${WORKDIR}/`, `=${folder}/`)]);
  }
}

Deno.test("each role serves with its image's part of the packages, the gateway without native code", async () => {
  await using stack = new AsyncDisposableStack();
  await Deno.mkdir(join(ROOT, ".weir"), { recursive: true });
  const parent = await Deno.makeTempDir({ dir: join(ROOT, ".weir") });
  stack.defer(() => Deno.remove(parent, { recursive: true }));
  const redis = stack.use(await testRedis());
  const start = async (role: Role, env: Record<string, string>): Promise<Program> => {
    const folder = join(parent, role);
    await Deno.mkdir(folder);
    await buildIn(folder, `${role}-build`);
    const has = (path: string) => Deno.stat(join(folder, path)).then(() => true, () => false);
    assert.equal(await has("node_modules/sharp"), role === "worker");
    assert.equal(await has("node_modules/playwright-core"), false);
    const all = { ...env, REDIS_URL: redis.server.url, DENO_DIR: join(folder, ".deno") };
    return stack.use(new Program(role, commandOf(role).slice(1), all, { cwd: folder }));
  };
  const worker = await start("worker", {
    WEIR_MODELS: join(ROOT, "fixtures", "models-onnx"),
    WEIR_ENGINE: "onnx",
  });
  await worker.line(/worker ready/);
  const gateway = await start("gateway", { WEIR_PORT: "0" });
  const url = /http:[^\s"]+/.exec(await gateway.line(/gateway ready/))![0];
  const photo = await Deno.readFile(join(ROOT, "fixtures", "photos", "star.jpg"));
  const { status, body } = await post(`${url}/predict`, photo);
  assert.deepEqual([status, body.predictions[0].label], [200, "star"]);
  for (const path of ["/", "/dashboard", "/docs", "/lib/lit-html/lit-html.js"]) {
    assert.equal((await call(url + path)).status, 200, path);
  }
  for (const role of [gateway, worker]) {
    role.kill("SIGTERM");
    assert.equal(await role.code(), 0);
  }
});
