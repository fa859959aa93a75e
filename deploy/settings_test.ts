/** What all files of deploy/ name of the project, held against it. */
import assert from "node:assert/strict";
import project from "../deno.json" with { type: "json" };
import { SETTINGS } from "../shared/config.ts";
import { pathsBelow, read } from "./testing/files.ts";

/** What Compose's file asks for, and what Kubernetes would make of a service. */
const OTHERS = new Set(["WEIR_KEYS", "WEIR_ADDRESS", "WEIR_GATEWAY_PORT"]);

const texts = new Map(
  await Promise.all((await pathsBelow()).map(async (path) => [path, await read(path)] as const)),
);

Deno.test("the files of deploy/ are seen", () => {
  const kinds = [
    "Dockerfile",
    "compose.yaml",
    "kubernetes/base/worker.yaml",
    "monitoring/alerts.yml",
  ];
  for (const path of [...kinds, "systemd/weir.env"]) assert(texts.has(path), path);
});

Deno.test("every setting that deploy/ names is one", () => {
  for (const [path, text] of texts) {
    for (const [name] of text.matchAll(/\bWEIR_[A-Z]+(?:_[A-Z]+)*\b/g)) {
      assert(name in SETTINGS || OTHERS.has(name), `${path} names ${name}`);
    }
  }
});

Deno.test("every task that deploy/ names is one", () => {
  for (const [path, text] of texts) {
    for (const [, name] of text.matchAll(/deno task (\w+)/g)) {
      assert(name! in project.tasks, `${path} names deno task ${name}`);
    }
  }
});
