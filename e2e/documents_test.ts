/** What the documents tell a reader to do, done: every block in its order, on a real Weir. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Programs } from "../setup/programs.ts";
import { pythonWith } from "../setup/python.ts";
import { freePort } from "../shared/redis_server.ts";
import { readDocuments } from "./documents.ts";
import { ROOT } from "./program.ts";
import { isRun, Reader } from "./reader.ts";
import { tempFolder } from "./temp_folder.ts";
import { testWeir } from "./weir.ts";

/** Languages of blocks that are not run: what is printed, what a file holds, pictures. */
const SHOWN = ["output", "text", "json", "mermaid", "js"];

/** How many blocks of each document no test can run: they need a machine, or services, of their own. */
const NOT_RUN: Readonly<Record<string, number>> = {
  "README.md": 1,
  "docs/contributors.md": 1,
  "docs/model_owners.md": 2,
  "docs/operators.md": 2,
};

const documents = await readDocuments();

Deno.test("every block of a document is run, shown, or one of those that cannot be run", () => {
  for (const { path, blocks } of documents) {
    const others = blocks.filter((block) => !isRun(block) && !SHOWN.includes(block.language));
    for (const { line, language } of others) {
      assert.equal(language, "console", `${path}:${line}: "${language}" is not known`);
    }
    assert.equal(others.length, NOT_RUN[path] ?? 0, `blocks of ${path} that are not run`);
  }
});

Deno.test("the TypeScript of the documents has right types", async () => {
  await using folder = await tempFolder();
  const blocks = documents.flatMap(({ blocks }) => blocks);
  const texts = blocks.filter(({ language }) => language === "ts").map(({ text }) => text);
  assert(texts.length > 5);
  // Modules, each with names of its own.
  const files = texts.map((text, i) =>
    [join(folder.path, `${i}.ts`), `${text}export {};\n`] as const
  );
  for (const [file, text] of files) await Deno.writeTextFile(file, text);
  const args = ["check", "--quiet", ...files.map(([file]) => file)];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assert(success, new TextDecoder().decode(stderr));
});

const env = Deno.env.toObject();
const python = await pythonWith(join(ROOT, "e2e/testdata/tritonclient.txt"), {
  ...{ root: ROOT, env, signal: new AbortController().signal },
});
const needed = ["bash", "curl", "redis-cli", "redis-server"];
const found = await Promise.all(needed.map((name) => new Programs(env).find(name)));
const missing = needed.filter((_, i) => found[i] === undefined);
const absent = !python.ok
  ? python.reason
  : missing.length > 0
  ? `there is no ${missing.join(", no ")}`
  : undefined;
// deno-lint-ignore no-console -- who runs the tests is to know what was not tested
console.log(`documents: ${absent === undefined ? "used" : `absent, ${absent}`}`);

testWeir(
  "who follows the documents gets what they say",
  {
    ignore: absent !== undefined && Deno.env.get("CI") === undefined,
    env: { WEIR_MODELS: "fixtures/models" },
  },
  async ({ url }, step) => {
    assert(python.ok && missing.length === 0, `${absent}`);
    for (const document of documents) {
      await step(document.path, async () => {
        await using folder = await tempFolder();
        // What a document starts by itself gets ports that nobody has.
        const own = ["6390", "8081", "8082", "9091"].map((port) => [port, String(freePort())]);
        const instead = {
          "8080": new URL(url).port,
          "~/weir": join(folder.path, "weir"),
          ...Object.fromEntries(own),
        };
        await using reader = new Reader({ folder: folder.path, instead, python });
        await reader.follow(document);
      });
    }
  },
);
