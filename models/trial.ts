/**
 * A network run by hand: what the worker's own engine answers to one picture.
 *
 * Owns the loaded network. Judges nothing. Invariant: the picture's numbers and the answer are
 * those that a worker would have.
 *
 * @module
 */
import type { Engine, Model, ModelFiles } from "../worker/engines/engine.ts";
import { selectEngine, type Selection } from "../worker/engines/select.ts";
import { warmUp, type WarmUpOptions } from "../worker/engines/warm_up.ts";
import { preprocess } from "../worker/images/preprocess.ts";
import type { ModelParts } from "./parts.ts";

/** What went in and what came out. */
export interface Run {
  /** The picture's numbers, as the network took them. */
  readonly input: Float32Array;
  readonly output: Float32Array;
}

/** Finds the engine that a worker with the same settings would take. */
export async function engineFor(
  { format }: Pick<ModelFiles, "format">,
  { config, clock }: Pick<ModelParts, "config" | "clock">,
): Promise<Selection> {
  const wanted = config.WEIR_ENGINE;
  if (wanted === "null") return { engine: undefined, reason: `WEIR_ENGINE "null" runs no network` };
  return await selectEngine(wanted, format, {
    delayMs: 0,
    threads: config.WEIR_THREADS,
    clock,
  });
}

export class Trial implements Disposable {
  readonly #files: ModelFiles;
  readonly #model: Model;

  private constructor(files: ModelFiles, model: Model) {
    this.#files = files;
    this.#model = model;
  }

  /**
   * Loads a network.
   *
   * @throws {ModelError} naming the file and the fault where it cannot be loaded
   */
  static async load(engine: Engine, files: ModelFiles): Promise<Trial> {
    return new Trial(files, await engine.load(files));
  }

  /** Shape of one picture as the network takes it. */
  get inputShape(): readonly number[] {
    const { width, height } = this.#files.config.input;
    return this.#model.layout === "planar" ? [3, height, width] : [height, width, 3];
  }

  get outputShape(): readonly number[] {
    return this.#model.outputShape;
  }

  /** Runs a picture, given as samples of the input's size. */
  async run(pixels: Uint8Array, signal: AbortSignal): Promise<Run> {
    const input = new Float32Array(pixels.length);
    preprocess(pixels, this.#files.config.input, input, 0, this.#model.layout);
    return { input, output: await this.#model.predict(input, 1, signal) };
  }

  /**
   * Asks of the network what a worker does.
   *
   * @param files with the settings that a worker will have; their input is that of the load
   * @throws {ModelError} naming the file and the fault
   */
  async warmUp(files: ModelFiles, signal: AbortSignal, options: WarmUpOptions): Promise<void> {
    await warmUp(this.#model, files, signal, options);
  }

  [Symbol.dispose](): void {
    this.#model.dispose();
  }
}

/** A picture of noise that is the same each time (xorshift32, Marsaglia 2003). */
export function noise({ width, height }: ModelFiles["config"]["input"]): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: 3 * width * height }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 255;
  });
}
