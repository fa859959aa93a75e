/** What the documents say, held against the code, and the other way round. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { SETTINGS } from "./shared/config.ts";
import { ERROR_CODES } from "./shared/errors.ts";
import {
  anchorOf,
  codeRows,
  type Document,
  readDocument,
  readDocuments,
  sectionOf,
} from "./e2e/documents.ts";
import { measured } from "./e2e/measured.ts";
import { PROBLEMS } from "./gateway/problem.ts";
import { openBareApp } from "./gateway/testing/app.ts";
import { MODEL_CONFIG_FIELDS } from "./worker/models/config.ts";
import project from "./deno.json" with { type: "json" };

const documents = new Map((await readDocuments()).map((document) => [document.path, document]));

/** What else people read, beside what it is about. */
const OTHERS = ["CHANGELOG.md", "deploy/README.md", "fixtures/README.md"];

function documentAt(path: string): Document {
  const document = documents.get(path);
  assert(document, `${path} is missing`);
  return document;
}

/** The rows of a section's tables, as their columns are, spaces that line them up left out. */
function tableOf(path: string, heading: string): string[][] {
  return codeRows({ text: sectionOf(documentAt(path), heading) });
}

/** The first cells of a section's tables, without their marks. */
function namesOf(path: string, heading: string): string[] {
  return tableOf(path, heading).map(([name]) => name!.replaceAll("`", ""));
}

/** Everything that documents say somewhere in this form, each with the document. */
function* saidEverywhere(pattern: RegExp): Iterable<readonly [path: string, said: string]> {
  for (const { path, text } of documents.values()) {
    for (const [said] of text.matchAll(pattern)) yield [path, said];
  }
}

Deno.test("the README's table of settings is the code's, and no document names another", () => {
  const settings = Object.entries(SETTINGS).map(([name, { default: value, about }]) => [
    ...[`\`${name}\``, value === undefined ? "" : `\`${value}\``, about],
  ]);
  assert.deepEqual(tableOf("README.md", "Settings"), settings);
  for (const [path, name] of saidEverywhere(/\bWEIR_[A-Z_]+\b/g)) {
    assert(name in SETTINGS, `${path} names ${name}, which is no setting`);
  }
});

Deno.test("the operators' table of metrics is the code's, and no document names another", () => {
  const metrics = measured().map(({ name, type, roles, labels, help }) => [
    ...[`\`${name}\``, type, roles.join(", "), labels.join(", "), help],
  ]);
  assert.deepEqual(tableOf("docs/operators.md", "Metrics"), metrics);
  const known = new Set(measured().map(({ name }) => name));
  for (const [path, name] of saidEverywhere(/(?<![/\w])(weir|process)_[a-z_]+\b(?![./*])/g)) {
    const metric = name.replace(/_(bucket|sum|count)$/, "");
    assert(known.has(metric), `${path} names ${name}, which is no metric`);
  }
});

Deno.test("the tables of errors have every code, and no other", () => {
  assert.deepEqual(
    tableOf("README.md", "Errors").map(([code, status]) => [code, status]),
    ERROR_CODES.map((code) => [`\`${code}\``, String(PROBLEMS[code].status)]),
  );
  assert.deepEqual(namesOf("docs/clients.md", "What to do at each error"), [...ERROR_CODES]);
});

Deno.test("the clients' table of endpoints is what is served, and no document names another", () => {
  const { app } = openBareApp();
  const served = app.routes.filter(({ method }) => method !== "ALL")
    .map(({ method, path }) =>
      `${method} ${path.replaceAll(/:(\w+)/g, (_, name) => name.toUpperCase())}`
    );
  const listed = namesOf("docs/clients.md", "Every endpoint");
  assert.deepEqual([...listed].sort(), [...new Set(served)].sort());
  for (const [path, said] of saidEverywhere(/`(GET|POST|DELETE) \/[\w/]*`/g)) {
    assert(listed.includes(said.replaceAll("`", "")), `${path} names ${said}, which is not served`);
  }
});

Deno.test("the operators' runbook has every alert, and no other", async () => {
  const rules = await Deno.readTextFile("deploy/monitoring/alerts.yml");
  const alerts = Array.from(rules.matchAll(/^ +- alert: (\w+)$/gm), ([, name]) => name);
  const section = sectionOf(documentAt("docs/operators.md"), "Alerts");
  assert.deepEqual(Array.from(section.matchAll(/^### (\w+)$/gm), ([, name]) => name), alerts);
});

Deno.test("the model owners' table has every field of weir.json, and no other", () => {
  const { "": outer = [], ...inner } = MODEL_CONFIG_FIELDS;
  const fields = outer.flatMap((name) => inner[name]?.map((field) => `${name}.${field}`) ?? [name]);
  assert.deepEqual(namesOf("docs/model_owners.md", "weir.json"), fields);
});

Deno.test("the README names every task that a user runs, and no document another", () => {
  const { text } = documentAt("README.md");
  for (const name of Object.keys(project.tasks)) {
    assert(text.includes(`deno task ${name}`), `deno task ${name} is missing`);
  }
  for (const [path, said] of saidEverywhere(/(?<=\bdeno task (?:-q )?)[a-z]+/g)) {
    assert(said in project.tasks, `${path} names the task ${said}`);
  }
});

Deno.test("ARCHITECTURE.md gives a reason for every library", () => {
  const { text } = documentAt("ARCHITECTURE.md");
  for (const name of Object.keys(project.imports)) {
    assert(text.includes(name), `${name} is missing`);
  }
});

Deno.test("ARCHITECTURE.md's table of keys is the code's", async () => {
  const source = await Deno.readTextFile("shared/redis/keys.ts");
  const [shards, quotas] = source.split("export class QuotaKeys");
  const keysIn = (text: string, prefix: string) =>
    Array.from(
      text.matchAll(/`\$\{this\.#prefix\}([^`]+)`/g),
      ([, rest]) => prefix + rest!.replaceAll(/\$\{(\w+)\}/g, (_, name) => name.toUpperCase()),
    );
  const built = [
    ...keysIn(shards!, "weir:{0}:"),
    ...keysIn(quotas!, "weir:{q:KEY}:"),
    ...Array.from(source.matchAll(/^export const \w+_KEY = "(.+)"/gm), ([, key]) => key!),
  ];
  const listed = tableOf("ARCHITECTURE.md", "Keys").flatMap(([cell]) =>
    Array.from(cell!.matchAll(/`([^`]+)`/g), ([, key]) => key!)
  );
  assert.deepEqual(listed.sort(), built.sort());
});

Deno.test("what ARCHITECTURE.md names as a proof or a script is there", async () => {
  const paths = await Array.fromAsync(filesIn("."));
  const tests = paths.filter((path) => path.endsWith("_test.ts"));
  const texts = await Promise.all(tests.map((path) => Deno.readTextFile(path)));
  const guarantees = sectionOf(documentAt("ARCHITECTURE.md"), "Guarantees, each with its proof");
  const proofs = guarantees.split("\n").slice(4).map((row) => row.split("|")[2] ?? "");
  assert(proofs.length > 20);
  for (const proof of proofs) {
    for (const [, said] of proof.matchAll(/`([^`]+)`/g)) {
      if (said!.startsWith("deno task ")) continue;
      const pattern = new RegExp(`^${said!.split("*").map(RegExp.escape).join(".*")}`);
      assert(paths.some((path) => pattern.test(path)), `${said} is not there`);
    }
    for (const [, said] of proof.matchAll(/"([^"]+?)(?:…)?"/g)) {
      assert(texts.some((text) => text.includes(said!)), `no test is called "${said}"`);
    }
  }
  const scripts = paths.filter((path) => path.startsWith("shared/redis/scripts/"));
  const code = (await Promise.all(scripts.map((path) => Deno.readTextFile(path)))).join();
  const states = sectionOf(documentAt("ARCHITECTURE.md"), "A job's states");
  for (const [, name] of states.matchAll(/`([A-Z_]+)`/g)) {
    assert(code.includes(`export const ${name} =`), `${name} is no script`);
  }
});

async function* filesIn(folder: string): AsyncIterable<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (/^(\..*|node_modules|coverage)$/.test(name)) continue;
    const path = join(folder, name);
    if (isDirectory) yield* filesIn(path);
    else yield path;
  }
}

Deno.test("what a document links to is there", async () => {
  const all = [...documents.values(), ...await Promise.all(OTHERS.map(readDocument))];
  for (const { path, links } of all) {
    for (const link of links.filter((link) => !/^https?:/.test(link))) {
      const [file, anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), file!);
      await Deno.stat(target).catch(() => assert.fail(`${path} links to ${link}: no such file`));
      if (anchor === undefined) continue;
      const anchors = all.find(({ path }) => path === target)?.headings.map(anchorOf);
      assert(anchors?.includes(anchor), `${path} links to ${link}: no such heading`);
    }
  }
});
