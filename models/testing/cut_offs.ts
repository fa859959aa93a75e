/**
 * What a change of a repository leaves behind whose process is killed: its disk at every step.
 *
 * Owns the copies, one from before each time that something is renamed or removed. For tests alone.
 *
 * @module
 */
import { cp } from "node:fs/promises";
import { join } from "node:path";

export class CutOffs implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "weir-cut-offs-" });
  /** Copies of the repository, in the order of the steps. */
  readonly repositories: string[] = [];

  /** Makes a change as it would be made, whether it fails or not. */
  static async of(repository: string, change: () => Promise<unknown>): Promise<CutOffs> {
    const cutOffs = new CutOffs();
    const { rename, remove } = Deno;
    const copy = async () => {
      const path = join(cutOffs.#folder, String(cutOffs.repositories.length));
      await cp(repository, path, { recursive: true, verbatimSymlinks: true });
      cutOffs.repositories.push(path);
    };
    Object.assign(Deno, {
      rename: async (...paths: Parameters<typeof rename>) => {
        await copy();
        await rename(...paths);
      },
      remove: async (...path: Parameters<typeof remove>) => {
        await copy();
        await remove(...path);
      },
    });
    try {
      await change();
    } finally {
      Object.assign(Deno, { rename, remove });
    }
    return cutOffs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
