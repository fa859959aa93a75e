/** The rules of the layout, read off the code's syntax trees. */
import assert from "node:assert/strict";
import { join, relative } from "node:path";

const root = import.meta.dirname!;

/** What each folder's code may import besides itself. Folders that are not named may anything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  gateway: ["shared"],
  worker: ["shared"],
  launch: ["shared"],
  setup: ["shared"],
  client: ["shared"],
  // What is added is tried with the worker's own reader and engines.
  models: ["shared", "worker"],
  // The bare loop is the worker's decoder and models, and what is made for it a fixture.
  bench: ["shared", "worker", "fixtures", "setup"],
  faults: ["shared", "fixtures"],
  // Their processes are the same; what is done to them is not.
  fixtures: ["shared", "worker"],
};

/** Folders whose tests keep to the same: the two roles know each other by their streams alone. */
const STRICT = new Set(["shared", "gateway", "worker", "launch", "setup"]);

/** Programs of their own, which nobody composes: they may read arguments and end themselves. */
const PROGRAMS = new Set([
  "main.ts",
  "bench/bare/program.ts",
  "bench/peer_process.ts",
  "bench/polling/gateway.ts",
  "bench/polling/model_gateway.ts",
  "bench/polling/model_worker.ts",
  "bench/polling/worker.ts",
  "bench/streams/gateway.ts",
  "bench/streams/worker.ts",
  "deploy/healthy.ts",
  "fixtures/training/onnx_twin.ts",
  "fixtures/training/train.ts",
  "setup/addon_probe.ts",
  "worker/engines/testing/print_scores.ts",
  "worker/engines/testing/print_selection.ts",
]);

/** The clock, and that of pages, which is the browser's own. */
const CLOCKS = new Set(["shared/clock.ts", "gateway/page/pause.ts"]);

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 70;

interface Source {
  /** Path from the root. */
  readonly path: string;
  readonly text: string;
  readonly isTest: boolean;
}

async function* sourcesIn(folder: string): AsyncIterable<Source> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) {
      if (!/^(\..*|node_modules|testdata|coverage)$/.test(name)) yield* sourcesIn(path);
    } else if (/\.(ts|js)$/.test(name)) {
      const text = await Deno.readTextFile(path);
      const isTest = /_test\.ts$|\/(testing|e2e)\//.test(path);
      yield { path: relative(root, path), text, isTest };
    }
  }
}

const sources = await Array.fromAsync(sourcesIn(root));
const code = sources.filter(({ isTest }) => !isTest);

interface Range {
  readonly range: [number, number];
}

/** What the rules look at in a file. */
interface Facts {
  /** What is imported, as it is written. */
  readonly imports: string[];
  /** `object.property` of every access to a property. */
  readonly members: Set<string>;
  /** Names that are called. */
  readonly calls: Set<string>;
  readonly functions: Range[];
}

function factsOf({ path, text }: Source): Facts {
  const facts: Facts = { imports: [], members: new Set(), calls: new Set(), functions: [] };
  const imported = ({ source }: { readonly source: Deno.lint.Expression | null }) => {
    if (source?.type !== "Literal" || typeof source.value !== "string") return;
    facts.imports.push(source.value);
  };
  const measured = (node: Range) => void facts.functions.push(node);
  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration: imported,
    ExportAllDeclaration: imported,
    ExportNamedDeclaration: imported,
    ImportExpression: imported,
    MemberExpression: ({ object, property }) => {
      if (object.type !== "Identifier" || property.type !== "Identifier") return;
      facts.members.add(`${object.name}.${property.name}`);
    },
    CallExpression: ({ callee }) => {
      if (callee.type === "Identifier") facts.calls.add(callee.name);
    },
    FunctionDeclaration: measured,
    FunctionExpression: measured,
    ArrowFunctionExpression: measured,
  };
  Deno.lint.runPlugin({ name: "facts", rules: { all: { create: () => visitor } } }, path, text);
  return facts;
}

const facts = new Map(sources.map((source) => [source, factsOf(source)]));

/** Paths of the files in which something is found that may not be there. */
function pathsWith(among: readonly Source[], isWrong: (facts: Facts) => boolean): string[] {
  return among.filter((source) => isWrong(facts.get(source)!)).map(({ path }) => path);
}

function linesOf(text: string): number {
  return text.trimEnd().split("\n").length;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.indexOf("/")));
}

Deno.test("structure: the rules see the code", () => {
  assert(code.length > 80);
  const main = facts.get(code.find(({ path }) => path === "main.ts")!)!;
  assert(main.imports.includes("./gateway/mod.ts"));
  assert(main.members.has("Deno.exit"));
  assert(main.functions.length > 10);
  const clock = facts.get(code.find(({ path }) => path === "shared/clock.ts")!)!;
  assert(clock.members.has("Date.now") && clock.calls.has("setTimeout"));
});

Deno.test("structure: imports flow one way", () => {
  const wrong: string[] = [];
  for (const [{ path, isTest }, { imports }] of facts) {
    const folder = folderOf(path);
    const allowed = MAY_IMPORT[folder];
    if (allowed === undefined || (isTest && !STRICT.has(folder))) continue;
    for (const specifier of imports.filter((name) => name.startsWith("."))) {
      const target = join(path, "..", specifier);
      const to = target.includes("/") ? folderOf(target) : target;
      if (to !== folder && !allowed.includes(to)) wrong.push(`${path} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("structure: nobody imports the composition root", () => {
  assert.deepEqual(
    pathsWith(sources, ({ imports }) => imports.some((name) => /^[./]*main\.ts$/.test(name))),
    [],
  );
});

Deno.test("structure: only programs touch the environment, arguments, signals and exit", () => {
  const theirs = [
    ...["Deno.env", "Deno.args", "Deno.exit", "Deno.addSignalListener"],
    ...["process.env", "process.argv", "process.exit", "process.on"],
  ];
  const others = code.filter(({ path }) => !PROGRAMS.has(path));
  assert.deepEqual(
    pathsWith(others, ({ members }) => theirs.some((name) => members.has(name))),
    [],
  );
});

Deno.test("structure: time is asked of the clock alone", () => {
  const members = ["Date.now", "performance.now"];
  const calls = ["setTimeout", "setInterval"];
  const others = code.filter(({ path }) => !CLOCKS.has(path));
  assert.deepEqual(
    pathsWith(others, (facts) =>
      members.some((name) => facts.members.has(name)) ||
      calls.some((name) => facts.calls.has(name))),
    [],
  );
});

Deno.test(`structure: no file has more than ${FILE_LINES_MAX} lines`, () => {
  const long = code.filter(({ text }) => linesOf(text) > FILE_LINES_MAX);
  assert.deepEqual(long.map(({ path, text }) => `${path}: ${linesOf(text)}`), []);
});

Deno.test(`structure: no function has more than ${FUNCTION_LINES_MAX} lines`, () => {
  const long = code.flatMap((source) =>
    facts.get(source)!.functions
      .map(({ range: [from, to] }) => source.text.slice(from, to))
      .filter((text) => linesOf(text) > FUNCTION_LINES_MAX)
      .map((text) => `${source.path}: ${linesOf(text)} lines: ${text.split("\n")[0]}`)
  );
  assert.deepEqual(long, []);
});

Deno.test("structure: every module says what it is, and is named in snake case", () => {
  const modules = code.filter(({ path }) => path.endsWith(".ts"));
  const silent = modules.filter(({ text }) => !/^\/\*\*\n(?: \*.*\n)*? \* @module\n/.test(text));
  assert.deepEqual(silent.map(({ path }) => path), []);
  const misnamed = sources.filter(({ path }) => !/^([a-z0-9_]+\/)*[a-z0-9_]+\.(ts|js)$/.test(path));
  assert.deepEqual(misnamed.map(({ path }) => path), []);
});
