import assert from "node:assert/strict";
import { keptLog } from "../shared/testing/kept_log.ts";
import type { ModelFiles } from "./engines/engine.ts";
import { ModelError } from "./models/model_error.ts";
import { ModelConfigSchema } from "./models/config.ts";
import { ModelTable } from "./model_table.ts";
import { MODEL, type TestModel, testModel } from "./testing/jobs.ts";
import { Updater } from "./updater.ts";

const forever = new AbortController().signal;

/** A version as the repository has it. */
function filesOf(version: string, settings: Record<string, unknown> = {}): ModelFiles {
  const config = ModelConfigSchema.parse({ input: { width: 1, height: 1 }, ...settings });
  const { files } = testModel({ version }).served;
  return { ...files, config };
}

interface Opened extends Disposable {
  readonly table: ModelTable;
  readonly updater: Updater;
  /** What the repository holds; to be changed by the test. */
  readonly repository: { models: ModelFiles[]; faults: Map<string, string>; gone?: string };
  /** Versions that cannot be opened, with the fault. */
  readonly broken: Map<string, string>;
  /** Every version that was opened. */
  readonly opened: TestModel[];
  /** What was made known, as versions. */
  readonly announced: string[][];
  readonly log: ReturnType<typeof keptLog>;
  /** Lines of the log since it was last asked. */
  said(): string[];
}

/** A worker's models, begun with what a repository holds. */
async function open(...models: ModelFiles[]): Promise<Opened> {
  const [table, log] = [new ModelTable(), keptLog()];
  const repository: Opened["repository"] = { models, faults: new Map() };
  const [broken, opened, announced] = [
    new Map<string, string>(),
    [] as TestModel[],
    [] as string[][],
  ];
  const updater = new Updater({
    repository: {
      watch: () => Promise.resolve(),
      survey: () =>
        repository.gone === undefined
          ? Promise.resolve(repository)
          : Promise.reject(new ModelError(repository.gone)),
    },
    table,
    open: (files) => {
      const fault = broken.get(files.version);
      if (fault !== undefined) return Promise.reject(new ModelError(fault));
      const model = testModel({ name: files.name, version: files.version });
      opened.push(model);
      // The stand-in for a network: its numbers are as many as the picture is wide.
      const output = { kind: files.config.output.kind, shape: [files.config.input.width] };
      const card = { ...model.served.card, output };
      return Promise.resolve(Object.assign(model.served, { files, card }));
    },
    announce: () => {
      announced.push(table.cards.map(({ version }) => version));
      return Promise.resolve();
    },
    log,
  });
  await updater.start(models, forever);
  const said = () =>
    log.lines.splice(0).map(({ level, message, fields }) =>
      [level, message, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(
        " ",
      )
    );
  const close = () => table[Symbol.dispose]();
  const parts = { table, updater, repository, broken, opened, announced, log, said };
  return { ...parts, [Symbol.dispose]: close };
}

function unloaded({ opened }: Opened): string[] {
  return opened.filter((model) => model.unloaded).map(({ served }) => served.card.version);
}

Deno.test("updater serves a new version, unloads the old one, and makes it known", async () => {
  using worker = await open(filesOf("1"));
  worker.repository.models = [filesOf("2")];
  await worker.updater.runOnce(forever);
  assert.deepEqual(worker.announced, [["2"]]);
  assert.deepEqual(unloaded(worker), ["1"]);
  assert.deepEqual(worker.said(), [`info model updated model=${MODEL} version=2 before=1`]);
  await worker.updater.runOnce(forever);
  assert.deepEqual([worker.announced.length, worker.opened.length], [1, 2]);
  assert.deepEqual(worker.said(), []);
});

Deno.test("updater keeps what is served where the new version has a fault, and says so once", async () => {
  using worker = await open(filesOf("1"));
  worker.repository.models = [filesOf("2")];
  worker.broken.set("2", `cannot load "model.onnx": it is cut off`);
  for (let times = 0; times < 2; times++) await worker.updater.runOnce(forever);
  assert.deepEqual(worker.said(), [
    `error model stays as it is model=${MODEL} version=1 error=cannot load "model.onnx": it is cut off`,
  ]);
  worker.repository.models = [];
  worker.repository.faults.set(MODEL, "it holds none of model.json");
  await worker.updater.runOnce(forever);
  assert.deepEqual(worker.said(), [
    `error model stays as it is model=${MODEL} version=1 error=it holds none of model.json`,
  ]);
  assert.deepEqual([unloaded(worker), worker.announced], [[], []]);

  worker.broken.clear();
  worker.repository.faults.clear();
  worker.repository.models = [filesOf("2")];
  await worker.updater.runOnce(forever);
  assert.deepEqual(worker.announced, [["2"]]);
});

Deno.test("updater keeps a kind of answer, and the shape of numbers, that clients count on", async () => {
  const numbers = (version: string, width: number, more = {}) =>
    filesOf(version, { input: { width, height: 1 }, output: { kind: "embedding" }, ...more });
  const refused = (served: string, error: string) =>
    `error model stays as it is model=${MODEL} version=${served} error=cannot serve ${error}`;
  using classes = await open(filesOf("1"));
  classes.repository.models = [numbers("2", 1)];
  for (let times = 0; times < 2; times++) await classes.updater.runOnce(forever);
  assert.deepEqual(classes.said(), [
    refused(
      "1",
      `version 2 of "${MODEL}": it answers with "embedding" of the shape [1], ` +
        `version 1, which is served, with "classes"`,
    ),
  ]);
  assert.deepEqual([unloaded(classes), classes.announced], [["2", "2"], []]);
  classes.repository.models = [filesOf("2", { input: { width: 5, height: 1 } })];
  await classes.updater.runOnce(forever);
  assert.deepEqual(classes.announced, [["2"]], "classes may be more than they were");

  using embedding = await open(numbers("1", 3));
  const rollout = { rollout: { version: "2", percent: 10 } };
  embedding.repository.models = [numbers("1", 3, rollout), numbers("2", 4, rollout)];
  await embedding.updater.runOnce(forever);
  assert.deepEqual(embedding.said(), [
    refused(
      "1",
      `version 2 of "${MODEL}": it answers with "embedding" of the shape [4], ` +
        `version 1, which is served, with "embedding" of the shape [3]`,
    ),
  ]);
  await assert.rejects(open(...embedding.repository.models), { name: "ModelError" });
  using anew = await open(numbers("2", 4));
  assert.deepEqual(anew.table.cards.map(({ version }) => version), ["2"]);
});

Deno.test("updater keeps what is served where the repository, or the model in it, is gone", async () => {
  using worker = await open(filesOf("1"));
  worker.repository.gone = `cannot list "models": no such file or folder`;
  await worker.updater.runOnce(forever);
  assert.deepEqual(worker.said(), [
    `error models stay as they are error=cannot list "models": no such file or folder`,
  ]);
  delete worker.repository.gone;
  worker.repository.models = [];
  await worker.updater.runOnce(forever);
  assert.deepEqual(worker.said(), [
    `error model stays as it is model=${MODEL} version=1 error=it is not in the repository any more`,
  ]);
  assert.deepEqual(unloaded(worker), []);
});

Deno.test("updater says that a model which is new is not served", async () => {
  using worker = await open(filesOf("1"));
  worker.repository.models = [filesOf("1"), { ...filesOf("1"), name: "other" }];
  for (let times = 0; times < 2; times++) await worker.updater.runOnce(forever);
  assert.deepEqual(worker.said(), [
    "warn model is not served model=other error=it is new, a worker serves it after a restart",
  ]);
});

Deno.test("updater rolls a version out, changes its percentage, and ends it, opening each once", async () => {
  const rollout = (percent: number) => ({ rollout: { version: "2", percent } });
  using worker = await open(filesOf("1"));
  for (const percent of [10, 50]) {
    const settings = rollout(percent);
    worker.repository.models = [filesOf("1", settings), filesOf("2", settings)];
    await worker.updater.runOnce(forever);
    assert.equal(worker.table.lineup(MODEL).rollout?.percent, percent);
  }
  worker.repository.models = [filesOf("2")];
  await worker.updater.runOnce(forever);
  assert.deepEqual(worker.announced, [["1", "2"], ["1", "2"], ["2"]]);
  assert.deepEqual(worker.opened.map(({ served }) => served.card.version), ["1", "2"]);
  assert.deepEqual(unloaded(worker), ["1"]);
  assert.deepEqual(worker.said(), [
    `info model updated model=${MODEL} version=1 rollout=2 percent=10 before=1`,
    `info model updated model=${MODEL} version=1 rollout=2 percent=50 before=1 and 2`,
    `info model updated model=${MODEL} version=2 before=1 and 2`,
  ]);
});

Deno.test("updater opens the same version anew where its settings or labels are others", async () => {
  using worker = await open(filesOf("1"));
  worker.repository.models = [{ ...filesOf("1"), labels: ["a"] }];
  await worker.updater.runOnce(forever);
  worker.repository.models = [filesOf("1", { output: { top: 3 } })];
  await worker.updater.runOnce(forever);
  assert.equal(worker.opened.length, 3);
  assert.deepEqual(unloaded(worker), ["1", "1"]);
});

Deno.test("updater leaves it at the default that there was when the worker started", async () => {
  using worker = await open(filesOf("1", { default: true }));
  worker.repository.models = [filesOf("1"), { ...filesOf("1", { default: true }), name: "other" }];
  await worker.updater.runOnce(forever);
  assert.deepEqual([worker.opened.length, worker.announced], [1, []]);
});

Deno.test("updater that is stopped meanwhile unloads what it has opened and changes nothing", async () => {
  using worker = await open(filesOf("1"));
  worker.repository.models = [filesOf("2")];
  await worker.updater.runOnce(AbortSignal.abort());
  assert.deepEqual([unloaded(worker), worker.announced], [["2"], []]);
});

Deno.test("updater looks when it is told to, until it is aborted", async () => {
  using worker = await open(filesOf("1"));
  const stop = new AbortController();
  const running = worker.updater.run(stop.signal);
  worker.repository.models = [filesOf("2")];
  worker.updater.look();
  while (worker.announced.length === 0) await Promise.resolve();
  stop.abort();
  await running;
  assert.deepEqual(worker.announced, [["2"]]);
});
