/**
 * The thread that has to do with models' files for as long as the worker lives, and runs models
 * whose library holds its thread while it computes, as TensorFlow.js does.
 *
 * Owns the thread, and hands it what has to be done. So jobs are read, decoded and settled beside a
 * batch that runs, and not between two; and versions of models can be opened by a worker that has
 * given up its permissions: the thread keeps those to read the repository and the libraries.
 * Invariant: a call ends with its answer, or with the thread.
 *
 * @module
 */
import { join, resolve } from "node:path";
import type { ImageAnswer } from "../shared/job.ts";
import type { ModelFiles } from "./engines/engine.ts";
import { ModelError } from "./models/model_error.ts";
import type { Survey } from "./models/repository.ts";
import type { OpenedModel, OpenModelOptions } from "./open_model.ts";
import type { BatchImage, Served } from "./served_model.ts";

/** What the thread is told of how a model is to be opened. */
export type ThreadOptions = Pick<OpenModelOptions, "wanted" | "threads" | "outputBytesMax">;

/** What the thread is asked for; a model that it has opened is called by its number. */
export type ThreadCall =
  | { readonly kind: "open"; readonly files: ModelFiles; readonly options: ThreadOptions }
  | { readonly kind: "answer"; readonly model: number; readonly batch: readonly BatchImage[] }
  | { readonly kind: "close"; readonly model: number }
  | { readonly kind: "watch" | "survey"; readonly repository: string };

/** What `open` gives back. */
export type ThreadOpened =
  & { readonly number: number }
  & Omit<OpenedModel, "model">
  & Pick<Served, "card">;

/** What `answer` gives back. */
export interface ThreadAnswers {
  readonly answers: ImageAnswer[];
  readonly tensors: number | undefined;
}

/** What it gives back: the call's value, or the name and message of an error. */
export type ThreadReply =
  | { readonly value: unknown }
  | { readonly error: { readonly name: string; readonly message: string } };

/** What it says: its reply to a call, or that the repository has changed. */
export type ThreadMessage =
  | { readonly kind: "reply"; readonly id: number; readonly reply: ThreadReply }
  | { readonly kind: "changed" };

/** Libraries, whose engines are loaded when the first model needs them. */
const LIBRARIES = join(import.meta.dirname!, "..", "node_modules");

/** What tfjs-node tells the C library by, before it loads its own. */
const C_LIBRARY = "/usr/bin/ldd";

/** A thread; models that are opened in it go with it. */
export class ModelThread implements Disposable {
  /** Absolute path of the model repository. */
  readonly #repository: string;
  // Node's kind of thread looks at each byte of what it is sent: a batch took 300 ms.
  readonly #thread: Worker;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #count = 0;
  #onChange = () => {};

  /** @param repository `WEIR_MODELS`: files elsewhere cannot be opened */
  constructor(repository: string) {
    this.#repository = resolve(repository);
    this.#thread = new Worker(import.meta.resolve("./model_thread_main.ts"), {
      type: "module",
      deno: {
        permissions: {
          read: [this.#repository, LIBRARIES, C_LIBRARY],
          ...{ ffi: "inherit", env: "inherit", sys: "inherit" },
          ...{ write: false, net: false, run: false, import: false },
        },
      },
    });
    this.#thread.onmessage = ({ data }) => this.#take(data);
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
  async open(files: ModelFiles, options: ThreadOptions): Promise<OpenedModel> {
    const opened = await this.#ask({ kind: "open", files, options }) as ThreadOpened;
    const { number, card, description, reason } = opened;
    const model = new ThreadedModel(files, card, {
      answer: async (images) => {
        // What else comes with an image, as its job, has nothing to do there.
        const batch = images.map(({ pixels, top }) => ({ pixels, top }));
        return await this.#ask({ kind: "answer", model: number, batch }) as ThreadAnswers;
      },
      // What cannot be unloaded goes with the thread.
      close: () => void this.#ask({ kind: "close", model: number }).catch(() => {}),
    });
    return { model, description, reason };
  }

  /**
   * Reads the repository.
   *
   * @throws {ModelError} where the folder itself cannot be read
   */
  async survey(): Promise<Survey> {
    return await this.#ask({ kind: "survey", repository: this.#repository }) as Survey;
  }

  /**
   * Watches the repository from now on, as the folder is now.
   *
   * @param onChange told when something has changed in it, and nothing for a while
   * @throws where the system does not watch it
   */
  async watch(onChange: () => void): Promise<void> {
    this.#onChange = onChange;
    await this.#ask({ kind: "watch", repository: this.#repository });
  }

  #ask(call: ThreadCall): Promise<unknown> {
    const id = this.#count++;
    const answer = Promise.withResolvers<unknown>();
    this.#calls.set(id, answer);
    this.#thread.postMessage({ id, call });
    return answer.promise;
  }

  #take(message: ThreadMessage): void {
    if (message.kind === "changed") return this.#onChange();
    const { id, reply } = message;
    const call = this.#calls.get(id)!;
    this.#calls.delete(id);
    if ("value" in reply) return call.resolve(reply.value);
    const { name, message: fault } = reply.error;
    call.reject(name === "ModelError" ? new ModelError(fault) : new Error(fault));
  }

  [Symbol.dispose](): void {
    this.#thread.terminate();
  }
}

/** What a model in the thread can be asked. */
interface Remote {
  answer(batch: readonly BatchImage[]): Promise<ThreadAnswers>;
  close(): void;
}

/** A model that is loaded in the thread. */
class ThreadedModel implements Served {
  readonly files: ModelFiles;
  readonly card: Served["card"];
  readonly #remote: Remote;
  /** As many as there were after the last batch. */
  tensors: number | undefined;

  constructor(files: ModelFiles, card: Served["card"], remote: Remote) {
    this.files = files;
    this.card = card;
    this.#remote = remote;
  }

  async answer(batch: readonly BatchImage[], signal: AbortSignal): Promise<ImageAnswer[]> {
    signal.throwIfAborted();
    const { answers, tensors } = await this.#remote.answer(batch);
    this.tensors = tensors;
    return answers;
  }

  [Symbol.dispose](): void {
    this.#remote.close();
  }
}
