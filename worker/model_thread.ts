/**
 * A thread for models whose library holds its thread while it computes, as TensorFlow.js does.
 *
 * Owns the thread, and hands it what has to be computed. So jobs are read, decoded and settled
 * beside a batch that runs, and not between two.
 * Invariant: a call ends with its answer, or with the thread.
 *
 * @module
 */
import type { Prediction } from "../shared/job.ts";
import type { EngineName, ModelFiles } from "./engines/engine.ts";
import { ModelError } from "./models/model_error.ts";
import type { OpenedModel } from "./open_model.ts";
import type { BatchImage, Served } from "./served_model.ts";

/** What the thread is asked for. */
export type ThreadCall =
  | { readonly kind: "open"; readonly wanted: "auto" | EngineName; readonly files: ModelFiles }
  | { readonly kind: "classify"; readonly model: string; readonly batch: readonly BatchImage[] };

/** What `open` gives back. */
export type ThreadOpened = Omit<OpenedModel, "model"> & Pick<Served, "card">;

/** What `classify` gives back. */
export interface ThreadAnswers {
  readonly answers: Prediction[][];
  readonly tensors: number | undefined;
}

/** What it gives back: the call's value, or the name and message of an error. */
export type ThreadReply =
  | { readonly value: unknown }
  | { readonly error: { readonly name: string; readonly message: string } };

/** A thread; models that are opened in it go with it. */
export class ModelThread implements Disposable {
  // Node's kind of thread looks at each byte of what it is sent: a batch took 300 ms.
  readonly #thread = new Worker(import.meta.resolve("./model_thread_main.ts"), { type: "module" });
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #count = 0;

  constructor() {
    this.#thread.onmessage = ({ data: { id, reply } }) => this.#take(id, reply);
    this.#thread.onerror = (event) => {
      event.preventDefault();
      for (const call of this.#calls.values()) call.reject(new Error(event.message));
    };
  }

  /**
   * Opens a model there.
   *
   * @throws {ModelError} where it cannot be served
   */
  async open(files: ModelFiles, wanted: "auto" | EngineName): Promise<OpenedModel> {
    const opened = await this.#ask({ kind: "open", files, wanted }) as ThreadOpened;
    const { card, description, reason } = opened;
    const model = new ThreadedModel(files, card, async (images) => {
      // What else comes with an image, as its job, has nothing to do there.
      const batch = images.map(({ pixels, top }) => ({ pixels, top }));
      return await this.#ask({ kind: "classify", model: files.name, batch }) as ThreadAnswers;
    });
    return { model, description, reason };
  }

  #ask(call: ThreadCall): Promise<unknown> {
    const id = this.#count++;
    const answer = Promise.withResolvers<unknown>();
    this.#calls.set(id, answer);
    this.#thread.postMessage({ id, call });
    return answer.promise;
  }

  #take(id: number, reply: ThreadReply): void {
    const call = this.#calls.get(id)!;
    this.#calls.delete(id);
    if ("value" in reply) return call.resolve(reply.value);
    const { name, message } = reply.error;
    call.reject(name === "ModelError" ? new ModelError(message) : new Error(message));
  }

  [Symbol.dispose](): void {
    this.#thread.terminate();
  }
}

/** A model that is loaded in the thread. */
class ThreadedModel implements Served {
  readonly files: ModelFiles;
  readonly card: Served["card"];
  readonly #run: (batch: readonly BatchImage[]) => Promise<ThreadAnswers>;
  /** As many as there were after the last batch. */
  tensors: number | undefined;

  constructor(
    files: ModelFiles,
    card: Served["card"],
    run: (batch: readonly BatchImage[]) => Promise<ThreadAnswers>,
  ) {
    this.files = files;
    this.card = card;
    this.#run = run;
  }

  async classify(batch: readonly BatchImage[], signal: AbortSignal): Promise<Prediction[][]> {
    signal.throwIfAborted();
    const { answers, tensors } = await this.#run(batch);
    this.tensors = tensors;
    return answers;
  }

  /** It goes with its thread. */
  [Symbol.dispose](): void {}
}
