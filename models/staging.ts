/**
 * Changes of a model repository that happen as a whole or not at all.
 *
 * Owns a folder inside the repository, in which everything is prepared and from which it is renamed
 * into its place, a journal of these renames, and the lock that lets one command change a
 * repository at a time.
 * Invariant: whatever ends a change before its last step, the repository is as it was; where the
 * process was killed, once the next change has begun.
 *
 * @module
 */
import { join, relative, resolve } from "node:path";
import { z } from "zod";
import { osState } from "../shared/os_error.ts";
import { readJsonFile } from "../worker/models/json_file.ts";
import { faultOf, ModelError } from "../worker/models/model_error.ts";
import { STAGING_PREFIX as PREFIX } from "../worker/models/repository.ts";
import { isThere } from "./target.ts";

/** A rename, by paths from the repository on: it may lie elsewhere for the next process. */
const Step = z.strictObject({
  from: z.string(),
  to: z.string(),
  /** Where what was at `to` is kept; without it nothing was there. */
  old: z.string().optional(),
});

type Step = z.infer<typeof Step>;

/** The steps of a change that has begun. */
const JOURNAL = "journal.json";

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

/**
 * Does something to the repository, in which the system's own states, such as a full disk, are
 * nobody's bug.
 *
 * @param action what it is, as in `remove "flowers"`
 * @throws {ModelError} where the system says no
 */
export async function withOsStates(action: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (typeof (error as { code?: unknown }).code !== "string") throw error;
    throw new ModelError(`cannot ${action}: ${osState(error)}`);
  }
}

export class Staging implements AsyncDisposable {
  /** Absolute path of the repository. */
  readonly repository: string;
  /** Absolute path of a folder in which models are prepared, each under its name. */
  readonly models: string;
  /** Absolute path of the folder for all that is prepared. */
  readonly #path: string;
  readonly #lock: Deno.FsFile;
  readonly #steps: Step[] = [];

  /**
   * Changes a repository.
   *
   * @param work plans and commits; what it leaves in the folder is removed
   * @param write is told where a change that was cut off had to be taken back
   * @throws {ModelError} where another command is changing the repository, or as the work does,
   * with the paths that things would have got
   */
  static async change(
    folder: string,
    work: (staging: Staging) => Promise<void>,
    write: (line: string) => void,
  ): Promise<void> {
    await using staging = await Staging.#open(resolve(folder), write);
    await withPathsOf(staging.models, staging.repository, () => work(staging));
  }

  private constructor(repository: string, path: string, lock: Deno.FsFile) {
    this.repository = repository;
    this.models = join(path, "models");
    this.#path = path;
    this.#lock = lock;
  }

  /** Takes the lock, and takes back and away what a command has left that was killed. */
  static async #open(repository: string, write: (line: string) => void): Promise<Staging> {
    const lock = await openFolder(repository);
    try {
      if (!await lock.tryLock(true)) {
        throw new ModelError(`cannot change "${repository}": another command is changing it`);
      }
      for await (const { name } of Deno.readDir(repository)) {
        if (!name.startsWith(PREFIX)) continue;
        if (await recover(repository, join(repository, name))) {
          write("took back what a command had changed that was killed in the middle");
        }
      }
      const path = await Deno.makeTempDir({ dir: repository, prefix: PREFIX });
      const staging = new Staging(repository, path, lock);
      await Deno.mkdir(staging.models);
      return staging;
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** Makes a folder for what is no model. */
  async folder(name: string): Promise<string> {
    const path = join(this.#path, name);
    await Deno.mkdir(path);
    return path;
  }

  /** Plans that a folder goes from one place to another. */
  move(from: string, to: string): void {
    this.#plan(from, to);
  }

  /** Plans that a file gets another text. */
  async rewrite(file: string, text: string): Promise<void> {
    const [old, next] = [this.#place("old"), this.#place("next")];
    await Deno.copyFile(file, old);
    await Deno.copyFile(file, next); // with its mode
    await Deno.writeTextFile(next, text);
    this.#plan(next, file, old);
  }

  /** Plans that something goes for good. */
  discard(path: string): void {
    this.#plan(path, this.#place("gone"));
  }

  /** Takes what was planned, step by step; where one fails, takes the others back. */
  async commit(): Promise<void> {
    const journal = join(this.#path, JOURNAL);
    await Deno.writeTextFile(this.#place("journal"), JSON.stringify(this.#steps));
    await Deno.rename(this.#place("journal"), journal);
    try {
      for (const { from, to } of this.#steps) {
        await Deno.rename(join(this.repository, from), join(this.repository, to));
      }
    } catch (error) {
      await takeBack(this.repository, this.#steps);
      throw error;
    } finally {
      await Deno.remove(journal);
    }
  }

  /** A place of its own for the step that is planned next. */
  #place(name: string): string {
    return join(this.#path, `${name}-${this.#steps.length}`);
  }

  #plan(from: string, to: string, old?: string): void {
    const path = (absolute: string) => relative(this.repository, absolute);
    this.#steps.push({
      from: path(from),
      to: path(to),
      ...(old !== undefined && { old: path(old) }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#path, { recursive: true });
    this.#lock.close();
  }
}

async function openFolder(repository: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(repository);
  } catch (error) {
    throw new ModelError(`cannot change "${repository}": ${faultOf(error)}`);
  }
}

/**
 * Takes away what a killed command has left, and takes its change back unless that had come to its
 * end.
 *
 * @returns whether something had to be taken back
 */
async function recover(repository: string, path: string): Promise<boolean> {
  const journal = join(path, JOURNAL);
  let isHalf = false;
  if (await isThere(journal)) {
    const steps = await readJsonFile(journal, z.array(Step));
    const open = await Promise.all(steps.map((step) => isOpen(repository, step)));
    isHalf = open.includes(true) && open.includes(false);
    if (isHalf) await takeBack(repository, steps);
    // First of all: a journal in a folder that is half removed would tell of steps never taken.
    await Deno.remove(journal);
  }
  await Deno.remove(path, { recursive: true });
  return isHalf;
}

/** Takes the steps back that have been taken, the last one first. Doing it again does no harm. */
async function takeBack(repository: string, steps: readonly Step[]): Promise<void> {
  for (const step of steps.toReversed()) {
    if (await isOpen(repository, step)) continue;
    const { from, to, old } = step;
    const [source, target] = old === undefined ? [to, from] : [old, to];
    try {
      await Deno.rename(join(repository, source), join(repository, target));
    } catch (error) {
      // It is back already, or somebody has removed it since.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Whether a step has not been taken yet: nothing else removes what it begins with. */
async function isOpen(repository: string, { from }: Step): Promise<boolean> {
  return await isThere(join(repository, from));
}
