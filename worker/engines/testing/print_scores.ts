/**
 * Prints what a repository's default model answers for photos, as JSON:
 * `print_scores.ts ENGINE REPOSITORY PHOTO…` gives `[{scores, predictions}, …]`.
 *
 * A process of its own, because a process has one backend of TensorFlow.js. For tests alone.
 *
 * @module
 */
import assert from "node:assert/strict";
import { decodeImage } from "../../images/decode.ts";
import { preprocess } from "../../images/preprocess.ts";
import { predictionsOf } from "../../models/answer.ts";
import { openRepository } from "../../models/repository.ts";
import type { EngineName } from "../engine.ts";
import { selectEngine } from "../select.ts";
import { loadWarm } from "../warm_up.ts";

const [name, repository = "", ...photos] = Deno.args;
const clock = { sleep: () => Promise.resolve() };
const { signal } = new AbortController();

const files = (await openRepository(repository)).find(({ config }) => config.default);
assert(files);
const options = { delayMs: 0, clock };
const { engine, reason } = await selectEngine(name as EngineName, files.format, options);
assert(engine, reason);
const { config: { input, output }, labels } = files;
const model = await loadWarm(engine, files, signal);

const answers = await Promise.all(photos.map(async (photo) => {
  const decoded = await decodeImage(await Deno.readFile(photo), input, { pixelsMax: 1e7 });
  assert(decoded.ok);
  const batch = new Float32Array(input.height * input.width * 3);
  preprocess(decoded.pixels, input, batch, 0);
  const scores = await model.predict(batch, 1, signal);
  const predictions = predictionsOf(scores, { output, labels, top: output.top });
  return { scores: [...scores], predictions };
}));
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(answers)));
