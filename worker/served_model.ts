/**
 * A model that this worker serves: its files, its loaded network, its card.
 *
 * Owns the way from decoded pixels to predictions, in batches. Never decodes, never speaks to the
 * broker. Invariant: answers come in the order of the images.
 *
 * @module
 */
import type { ModelCard } from "../shared/model_card.ts";
import type { Prediction } from "../shared/job.ts";
import type { Engine, Model, ModelFiles } from "./engines/engine.ts";
import type { Pixels } from "./images/decode.ts";
import { place, preprocess } from "./images/preprocess.ts";
import { predictionsOf } from "./models/answer.ts";

/** One image of a batch. */
export interface BatchImage {
  readonly pixels: Pixels;
  /** Number of predictions wanted; the model's own where absent. */
  readonly top: number | undefined;
}

/** A model that is served, wherever it is loaded. */
export type Served = Pick<ServedModel, keyof ServedModel>;

export class ServedModel implements Disposable {
  readonly files: ModelFiles;
  readonly card: ModelCard;
  readonly #model: Model;
  readonly #engine: Engine;
  /** The batch's input, reused. */
  #input = new Float32Array();

  constructor(files: ModelFiles, model: Model, engine: Engine) {
    this.files = files;
    this.#model = model;
    this.#engine = engine;
    const { input, output } = files.config;
    this.card = {
      name: files.name,
      version: files.version,
      default: files.config.default,
      engine: engine.name,
      input: { width: input.width, height: input.height },
      top: output.top,
      labels: [...files.labels],
    };
  }

  /** Tensors alive in the engine, those of other models included, where it counts them. */
  get tensors(): number | undefined {
    return this.#engine.tensors();
  }

  /** Runs the network on a batch and names each image's classes. */
  async classify(batch: readonly BatchImage[], signal: AbortSignal): Promise<Prediction[][]> {
    const scores = await this.#model.predict(this.#fill(batch), batch.length, signal);
    const classes = scores.length / batch.length;
    const { output } = this.files.config;
    return batch.map(({ top = output.top }, i) =>
      predictionsOf(scores.subarray(i * classes, (i + 1) * classes), {
        output,
        labels: this.files.labels,
        top,
      })
    );
  }

  #fill(batch: readonly BatchImage[]): Float32Array {
    const values = batch[0]!.pixels.length;
    // The null engine decodes nothing and reads nothing.
    if (values === 0) return this.#input;
    const needed = batch.length * values;
    if (this.#input.length < needed) this.#input = new Float32Array(needed);
    const { layout } = this.#model;
    batch.forEach(({ pixels }, i) => {
      const at = i * values;
      if (pixels instanceof Float32Array) place(pixels, this.#input, at, layout);
      else preprocess(pixels, this.files.config.input, this.#input, at, layout);
    });
    return this.#input.subarray(0, needed);
  }

  [Symbol.dispose](): void {
    this.#model.dispose();
  }
}
