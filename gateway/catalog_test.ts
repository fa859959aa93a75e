import assert from "node:assert/strict";
import type { ServedModel } from "../shared/broker.ts";
import { CARD } from "../shared/testing/broker.ts";
import { ManualClock } from "../shared/testing/manual_clock.ts";
import { Catalog } from "./catalog.ts";
import { Caller } from "./keys/caller.ts";

const FRESH_MS = 30_000;
const MISS_MS = 1_000;

const ANYBODY = new Caller();

interface Opened {
  readonly catalog: Catalog;
  readonly clock: ManualClock;
  /** What the directory holds; to be changed by the test. */
  models: ServedModel[];
  reads: number;
}

function open(...models: ServedModel[]): Opened {
  const clock = new ManualClock();
  const directory = {
    models: () => {
      opened.reads++;
      return Promise.resolve([...opened.models]);
    },
  };
  const opened: Opened = { catalog: new Catalog(directory, clock), clock, models, reads: 0 };
  return opened;
}

function model(name: string, workers = 1, isDefault = false): ServedModel {
  const versions = new Map(workers > 0 ? [[CARD.version, workers]] : []);
  return { card: { ...CARD, name, default: isDefault }, workers, versions };
}

/** One whose key is for some models alone. */
function caller(...models: string[]): Caller {
  return new Caller({ name: "ada", digest: new Uint8Array(32), role: "client", models });
}

async function nameOf({ catalog }: Opened, name?: string, caller = ANYBODY): Promise<string> {
  const found = await catalog.find(caller, name);
  return typeof found === "string" ? found : `card ${found.name}`;
}

Deno.test("catalog finds a model by its name, and the default without one", async () => {
  const opened = open(model("a"), model("b", 1, true));
  assert.equal(await nameOf(opened, "a"), "card a");
  assert.equal(await nameOf(opened), "card b");
  assert.equal(await nameOf(opened, "c"), "unknown");
});

Deno.test("catalog knows for a caller only what it may use, its default included", async () => {
  const opened = open(model("a", 1, true), model("b"), model("c", 1, true));
  assert.equal(await nameOf(opened, "a", caller("b", "c")), "unknown");
  assert.equal(await nameOf(opened, "b", caller("b", "c")), "card b");
  assert.equal(await nameOf(opened, undefined, caller("b", "c")), "card c");
  assert.equal(await nameOf(opened, undefined, caller("b")), "unknown");
  const seen = await opened.catalog.readFor(caller("b", "c"));
  assert.deepEqual(seen.map(({ card }) => card.name), ["b", "c"]);
  assert.equal(await opened.catalog.readNamed(caller("b"), "a"), undefined);
});

Deno.test("a name that is none is told with the nearest that the caller may use", async () => {
  const { catalog } = open(model("formula"), model("formulae"), model("shapes"));
  await catalog.read();
  const told = (who: Caller) => catalog.missing(who, "formurl").detail;
  assert.equal(told(ANYBODY), 'no such model, the nearest is "formula"');
  assert.equal(told(caller("shapes")), 'no such model, the nearest is "shapes"');
  assert.equal(told(caller("other")), "no such model");
});

Deno.test("catalog tells an unknown model from no model at all", async () => {
  assert.equal(await nameOf(open(), "a"), "none");
  assert.equal(await nameOf(open()), "none");
  assert.equal(await nameOf(open(model("a"))), "unknown");
});

Deno.test("catalog asks nothing by itself, and not once a request", async () => {
  const opened = open(model("a"));
  assert.equal(opened.reads, 0);
  for (let request = 0; request < 100; request++) await opened.catalog.find(ANYBODY, "a");
  opened.clock.advance(FRESH_MS);
  await opened.catalog.find(ANYBODY, "a");
  assert.equal(opened.reads, 1);
  opened.clock.advance(1);
  await opened.catalog.find(ANYBODY, "a");
  assert.equal(opened.reads, 2);
  assert.equal(opened.clock.waiting, 0);
});

Deno.test("catalog reads once for all who ask at the same time", async () => {
  const opened = open(model("a"));
  await Promise.all(Array.from({ length: 50 }, () => opened.catalog.find(ANYBODY, "a")));
  await Promise.all(Array.from({ length: 50 }, () => opened.catalog.read()));
  assert.equal(opened.reads, 2);
});

Deno.test("catalog learns of a new model within a second, however often it is asked for", async () => {
  const opened = open(model("a"));
  assert.equal(await nameOf(opened, "b"), "unknown");
  opened.models.push(model("b"));
  for (let request = 0; request < 100; request++) await opened.catalog.find(ANYBODY, "b");
  assert.equal(opened.reads, 1);
  opened.clock.advance(MISS_MS + 1);
  assert.equal(await nameOf(opened, "b"), "card b");
  assert.equal(opened.reads, 2);
});

Deno.test("catalog knows a model whose workers are gone, and looks again for others", async () => {
  const opened = open(model("a", 0));
  assert.equal(await nameOf(opened, "a"), "card a");
  opened.clock.advance(MISS_MS + 1);
  assert.equal(await nameOf(opened, "a"), "card a");
  assert.equal(opened.reads, 2);
});

Deno.test("catalog takes the default that is served for one of earlier days", async () => {
  const opened = open(model("old", 0, true), model("new", 1, true));
  assert.equal(await nameOf(opened), "card new");
  opened.models = [model("old", 0, true)];
  opened.clock.advance(FRESH_MS + 1);
  assert.equal(await nameOf(opened), "card old");
  opened.models.push(model("new", 1, true));
  opened.clock.advance(MISS_MS + 1);
  assert.equal(await nameOf(opened), "card new");
});

Deno.test("catalog that cannot be read fails, and is read at the next request", async () => {
  const clock = new ManualClock();
  let away = true;
  const catalog = new Catalog({
    models: () => away ? Promise.reject(new Error("away")) : Promise.resolve([model("a")]),
  }, clock);
  await assert.rejects(catalog.find(ANYBODY, "a"), /away/);
  away = false;
  const found = await catalog.find(ANYBODY, "a");
  assert(typeof found === "object");
});

Deno.test("catalog knows which workers serve a version, and soon when that changes", async () => {
  const served = { ...model("a", 2), versions: new Map([["1", 2], ["2", 1]]) };
  const opened = open(served);
  const spread = (version: string) => opened.catalog.spread("a", version);
  assert.deepEqual(await Promise.all(["1", "2", "3"].map(spread)), ["all", "some", "none"]);
  opened.models = [{ ...served, versions: new Map([["2", 2]]) }];
  assert.deepEqual(await Promise.all(["1", "2"].map(spread)), ["all", "some"]);
  opened.clock.advance(MISS_MS + 1);
  assert.deepEqual(await spread("2"), "all");
  assert.deepEqual(await spread("1"), "none");
  assert.equal(await opened.catalog.spread("b", "1"), "none");
});

Deno.test("catalog takes the version that was served last for the one that all serve, without workers", async () => {
  const { catalog } = open(model("a", 0));
  assert.deepEqual(await catalog.spread("a", CARD.version), "all");
  assert.deepEqual(await catalog.spread("a", "2"), "none");
});
