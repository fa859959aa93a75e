/**
 * A folder for what a run writes.
 *
 * @module
 */

/** A folder that is gone afterwards, unless it is to be kept. */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string;
  #kept = false;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(prefix: string): Promise<TemporaryFolder> {
    return new TemporaryFolder(await Deno.makeTempDir({ prefix }));
  }

  keep(): void {
    this.#kept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#kept) await Deno.remove(this.path, { recursive: true });
  }
}
