/**
 * Opens the models of a worker, each in the thread that suits what runs it.
 *
 * Borrows the thread of models that hold theirs while they compute.
 * Invariant: a version that is opened later needs no permission that the worker has given up.
 *
 * @module
 */
import { holdsItsThread } from "./engines/select.ts";
import type { ModelFiles, ModelFormat } from "./engines/engine.ts";
import type { ModelThread } from "./model_thread.ts";
import { type OpenedModel, openModel, type OpenModelOptions } from "./open_model.ts";

export interface ModelOpenerOptions extends OpenModelOptions {
  readonly thread: Pick<ModelThread, "open">;
}

export class ModelOpener {
  readonly #options: ModelOpenerOptions;
  /** Formats whose engine has been loaded here. */
  readonly #here = new Set<ModelFormat>();
  #sealed = false;

  constructor(options: ModelOpenerOptions) {
    this.#options = options;
  }

  /**
   * Opens a model.
   *
   * @throws {ModelError} where it cannot be served
   */
  async open(files: ModelFiles, signal: AbortSignal): Promise<OpenedModel> {
    const { wanted, threads, outputBytesMax, thread, selectEngine } = this.#options;
    const { format } = files;
    const runsHere = selectEngine !== undefined || !holdsItsThread(wanted, format);
    if (!runsHere || (this.#sealed && !this.#here.has(format))) {
      return await thread.open(files, { wanted, threads, outputBytesMax });
    }
    this.#here.add(format);
    return await openModel(files, this.#options, signal);
  }

  /** No engine can be loaded here any more: one that is missing is loaded in the other thread. */
  seal(): void {
    this.#sealed = true;
  }
}
