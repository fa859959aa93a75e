/**
 * Changes of a model repository that happen as a whole or not at all.
 *
 * Owns a folder inside the repository, in which everything is prepared and from which it is renamed
 * into its place, and the lock that lets one command change a repository at a time.
 * Invariant: whatever ends a change before its last step, the repository is as it was.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { ModelError } from "../worker/models/model_error.ts";
import { STAGING_PREFIX as PREFIX } from "../worker/models/repository.ts";

/** Something done, and how it is taken back. */
interface Step {
  readonly take: () => Promise<void>;
  readonly takeBack: () => Promise<void>;
}

/** Does something whose errors are to have the paths that a person knows. */
export async function withPathsOf<T>(
  folder: string,
  known: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new ModelError(error.message.replaceAll(folder, known));
  }
}

export class Staging implements AsyncDisposable {
  /** Absolute path of the repository. */
  readonly repository: string;
  /** Absolute path of the folder for what is prepared. */
  readonly path: string;
  readonly #lock: Deno.FsFile;
  readonly #steps: Step[] = [];

  /**
   * Changes a repository.
   *
   * @param work plans and commits; what it leaves in the folder is removed
   * @throws {ModelError} where another command is changing the repository, or as the work does, with
   * the paths that things would have got
   */
  static async change(folder: string, work: (staging: Staging) => Promise<void>): Promise<void> {
    await using staging = await Staging.#open(folder);
    await withPathsOf(staging.path, staging.repository, () => work(staging));
  }

  private constructor(repository: string, path: string, lock: Deno.FsFile) {
    this.repository = repository;
    this.path = path;
    this.#lock = lock;
  }

  /** Takes the lock, and takes away what a command has left that was killed. */
  static async #open(folder: string): Promise<Staging> {
    const repository = resolve(folder);
    const lock = await Deno.open(repository);
    try {
      if (!await lock.tryLock(true)) {
        throw new ModelError(`cannot change "${repository}": another command is changing it`);
      }
      for await (const { name } of Deno.readDir(repository)) {
        if (name.startsWith(PREFIX)) {
          await Deno.remove(join(repository, name), { recursive: true });
        }
      }
      const path = await Deno.makeTempDir({ dir: repository, prefix: PREFIX });
      return new Staging(repository, path, lock);
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** Makes a folder in it. */
  async folder(name: string): Promise<string> {
    const path = join(this.path, name);
    await Deno.mkdir(path, { recursive: true });
    return path;
  }

  /** Plans that a folder goes from one place to another. */
  move(from: string, to: string): void {
    this.#steps.push({
      take: () => Deno.rename(from, to),
      takeBack: () => Deno.rename(to, from),
    });
  }

  /** Plans that a file gets another text. */
  async rewrite(file: string, text: string): Promise<void> {
    const [old, next] = ["old", "new"].map((name) =>
      join(this.path, `${name}-${this.#steps.length}`)
    ) as [string, string];
    await Deno.copyFile(file, old);
    await Deno.copyFile(file, next); // with its mode
    await Deno.writeTextFile(next, text);
    this.#steps.push({
      take: () => Deno.rename(next, file),
      takeBack: () => Deno.rename(old, file),
    });
  }

  /** Plans that something goes for good. */
  discard(path: string): void {
    this.move(path, join(this.path, `gone-${this.#steps.length}`));
  }

  /** Takes what was planned, step by step; where one fails, takes the others back. */
  async commit(): Promise<void> {
    const taken: Step[] = [];
    try {
      for (const step of this.#steps) {
        await step.take();
        taken.unshift(step);
      }
    } catch (error) {
      for (const step of taken) await step.takeBack();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
    this.#lock.close();
  }
}
