/**
 * A model that this worker serves: its files, its loaded network, its card.
 *
 * Owns the way from decoded pixels to answers, in batches. Never decodes, never speaks to the
 * broker. Invariant: answers come in the order of the images.
 *
 * @module
 */
import type { ModelCard } from "../shared/model_card.ts";
import type { ImageAnswer } from "../shared/job.ts";
import { type Shape, sizeOf } from "../shared/tensor.ts";
import type { Engine, Model, ModelFiles } from "./engines/engine.ts";
import type { Pixels } from "./images/decode.ts";
import { place, preprocess } from "./images/preprocess.ts";
import { answerOf } from "./models/answer.ts";

/** One image of a batch. */
export interface BatchImage {
  readonly pixels: Pixels;
  /** Of classes: the number of predictions wanted; the model's own where absent. */
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
      output: { kind: output.kind, shape: [...this.#shape] },
      top: output.top,
      labels: [...files.labels],
    };
  }

  /** Tensors alive in the engine, those of other models included, where it counts them. */
  get tensors(): number | undefined {
    return this.#engine.tensors();
  }

  /** Runs the network on a batch and answers each image. */
  async answer(batch: readonly BatchImage[], signal: AbortSignal): Promise<ImageAnswer[]> {
    const values = await this.#model.predict(this.#fill(batch), batch.length, signal);
    const { labels, config: { output } } = this.files;
    const shape = this.#shape;
    const size = sizeOf(shape);
    if (values.length !== batch.length * size) {
      throw new RangeError(`${values.length} numbers for ${batch.length} images of ${size} each`);
    }
    return batch.map(({ top = output.top }, i) => {
      const own = values.subarray(i * size, (i + 1) * size);
      return answerOf(own, { output, labels, top, shape });
    });
  }

  /** Of one image's output; an embedding is a row, whatever sides of 1 the network gives it. */
  get #shape(): Shape {
    const { outputShape } = this.#model;
    return this.files.config.output.kind === "embedding" ? [sizeOf(outputShape)] : outputShape;
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
