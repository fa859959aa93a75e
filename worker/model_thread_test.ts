import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { classesOf } from "../shared/job.ts";
import { openModel } from "./open_model.ts";
import { COLOUR_SIDE, colourScores } from "./models/testing/colour_model.ts";
import { ModelThread } from "./model_thread.ts";
import { ModelError } from "./models/model_error.ts";
import type { BatchImage } from "./served_model.ts";
import { withColourModel } from "./engines/testing/engine_suite.ts";

const forever = new AbortController().signal;
const SAMPLES = COLOUR_SIDE * COLOUR_SIDE * 3;
const RED = [255, 0, 0];

/** A picture of one colour, as decoded. */
function image(rgb: readonly number[], top?: number): BatchImage {
  return { pixels: Uint8Array.from({ length: SAMPLES }, (_, i) => rgb[i % 3]!), top };
}

Deno.test("a model in a thread of its own answers as it does here, and this thread goes on", () =>
  withColourModel({}, async (files) => {
    using thread = new ModelThread(files.folder);
    const { model, description, reason } = await thread.open(files, { wanted: "wasm" });
    assert.match(description, /wasm/);
    assert.equal(reason, "asked for by name");
    const { model: here } = await openModel(files, { wanted: "wasm", clock: { sleep } }, forever);
    assert.deepEqual(model.card, here.card);
    assert.equal(model.files, files);
    const tensor = { pixels: new Float32Array(SAMPLES), top: undefined };
    const batch = [image(RED, 2), tensor, image([0, 255, 0])];
    const answers = await model.answer(batch, forever);
    assert.deepEqual(answers, await here.answer(batch, forever));
    assert.deepEqual(answers.map((answer) => classesOf(answer)[0]?.label), [
      "red",
      "grey",
      "green",
    ]);
    assert(Math.abs(classesOf(answers[0])[0]!.probability - colourScores([1, 0, 0])[0]!) < 1e-6);
    assert.equal(model.tensors, here.tensors);
    here[Symbol.dispose]();
  }));

Deno.test("a model that cannot be served is refused from its thread with the same sentence", () =>
  withColourModel({}, async (files) => {
    await Deno.remove(files.entry);
    using thread = new ModelThread(files.folder);
    await assert.rejects(thread.open(files, { wanted: "wasm" }), (error) => {
      assert(error instanceof ModelError);
      assert(error.message.includes(files.entry));
      return true;
    });
  }));

Deno.test("a batch that fails in the thread fails alone", () =>
  withColourModel({}, async (files) => {
    using thread = new ModelThread(files.folder);
    const { model } = await thread.open(files, { wanted: "wasm" });
    const odd = { pixels: new Uint8Array(3), top: undefined };
    await assert.rejects(model.answer([odd], forever), /it has 3 samples/);
    const [answer] = await model.answer([image(RED)], forever);
    assert.equal(classesOf(answer)[0]?.label, "red");
    const reason = new Error("gone");
    await assert.rejects(
      model.answer([image(RED)], AbortSignal.abort(reason)),
      (error) => error === reason,
    );
  }));

Deno.test("a model that is closed leaves none of its tensors in the thread", () =>
  withColourModel({}, async (files) => {
    using thread = new ModelThread(files.folder);
    const { model: first } = await thread.open(files, { wanted: "wasm" });
    await first.answer([image(RED)], forever);
    const alone = first.tensors;
    const { model: second } = await thread.open(files, { wanted: "wasm" });
    await second.answer([image(RED)], forever);
    assert(second.tensors! > alone!);
    first[Symbol.dispose]();
    const [answer] = await second.answer([image(RED)], forever);
    assert.equal(classesOf(answer)[0]?.label, "red");
    assert.equal(second.tensors, alone);
  }));

Deno.test("a thread reads its repository and no other file", () =>
  withColourModel({}, async (files) => {
    using thread = new ModelThread(dirname(dirname(files.folder)));
    assert.deepEqual((await thread.survey()).models.map(({ folder }) => folder), [files.folder]);
    await thread.open(files, { wanted: "wasm" });
    using other = new ModelThread(import.meta.dirname!);
    await assert.rejects(other.open(files, { wanted: "wasm" }), /Requires read access/);
  }));

Deno.test("a thread tells that its repository has changed", () =>
  withColourModel({}, async (files) => {
    using thread = new ModelThread(files.folder);
    const changed = Promise.withResolvers<void>();
    await thread.watch(changed.resolve);
    await Deno.writeTextFile(join(files.folder, "new"), "");
    await changed.promise;
    using other = new ModelThread(join(files.folder, "nowhere"));
    await assert.rejects(other.watch(() => {}), /No path was found/);
  }));

const sleep = () => Promise.resolve();
