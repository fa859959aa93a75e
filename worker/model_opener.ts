/**
 * Opens the models of a worker, each in the thread that suits what runs it.
 *
 * Owns the thread of models that hold theirs while they compute; it ends with the opener.
 *
 * @module
 */
import { holdsItsThread } from "./engines/select.ts";
import type { ModelFiles } from "./engines/engine.ts";
import { ModelThread } from "./model_thread.ts";
import { type OpenedModel, openModel, type OpenModelOptions } from "./open_model.ts";

export class ModelOpener implements Disposable {
  readonly #options: OpenModelOptions;
  #thread: ModelThread | undefined;

  constructor(options: OpenModelOptions) {
    this.#options = options;
  }

  /**
   * Opens a model.
   *
   * @throws {ModelError} where it cannot be served
   */
  async open(files: ModelFiles, signal: AbortSignal): Promise<OpenedModel> {
    const { wanted, selectEngine } = this.#options;
    const here = selectEngine !== undefined || !holdsItsThread(wanted, files.format);
    if (here) return await openModel(files, this.#options, signal);
    this.#thread ??= new ModelThread();
    return await this.#thread.open(files, wanted);
  }

  [Symbol.dispose](): void {
    this.#thread?.[Symbol.dispose]();
  }
}
