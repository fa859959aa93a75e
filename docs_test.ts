/** What the documents say, held against the code. */
import assert from "node:assert/strict";
import { SETTINGS } from "./shared/config.ts";
import { ERROR_CODES } from "./shared/errors.ts";
import { measured } from "./e2e/measured.ts";
import { PROBLEMS } from "./gateway/problem.ts";
import project from "./deno.json" with { type: "json" };

/** A document; the spaces that line a table's columns up are one. */
async function read(name: string): Promise<string> {
  const text = await Deno.readTextFile(new URL(name, import.meta.url));
  return text.replaceAll(/ +/g, " ");
}

const readme = await read("README.md");
const architecture = await read("ARCHITECTURE.md");

Deno.test("the README's table of settings is the code's", () => {
  const rows = Object.entries(SETTINGS).map(([name, { default: value, about }]) =>
    `| \`${name}\` | ${value === undefined ? "" : `\`${value}\` `}| ${about} |`
  );
  assert(readme.includes(rows.join("\n")), `the table should read\n${rows.join("\n")}`);
});

Deno.test("the README's table of metrics is the code's", () => {
  const rows = measured().map(({ name, type, roles, labels, help }) =>
    `| \`${name}\` | ${type} | ${roles.join(", ")} | ${labels.join(", ")} | ${help} |`
      .replaceAll(/ +/g, " ")
  );
  assert(readme.includes(rows.join("\n")), `the table should read\n${rows.join("\n")}`);
});

Deno.test("the README's table of errors has every code with its status", () => {
  for (const code of ERROR_CODES) {
    const row = readme.split("\n").find((line) =>
      line.startsWith("| `") && line.includes(`\`${code}\``)
    );
    assert(row !== undefined, `${code} is missing`);
    assert(row.includes(String(PROBLEMS[code].status)), `${code} lacks its status`);
  }
});

Deno.test("the README names every task that a user runs", () => {
  for (const name of Object.keys(project.tasks)) {
    assert(readme.includes(`deno task ${name}`), `deno task ${name} is missing`);
  }
});

Deno.test("ARCHITECTURE.md gives a reason for every library", () => {
  for (const name of Object.keys(project.imports)) {
    assert(architecture.includes(name), `${name} is missing`);
  }
});
