/**
 * A watch on a model repository: tells when something in it has changed and it is quiet again.
 *
 * Owns the system's watch. Never reads a model.
 * Invariant: whoever is told finds nothing half written, unless its writer paused for longer than
 * {@linkcode SETTLE_MS}.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";

/** Quiet time after which whoever copies into the repository is taken to be done. */
export const SETTLE_MS = 1000;

export interface RepositoryWatchParts {
  /** Path of the repository. */
  readonly folder: string;
  readonly onChange: () => void;
  readonly clock: Pick<Clock, "after">;
}

export class RepositoryWatch implements Disposable {
  readonly #parts: RepositoryWatchParts;
  readonly #watcher: Deno.FsWatcher;
  #cancel = () => {};

  /** @throws where the system does not watch the folder */
  constructor(parts: RepositoryWatchParts) {
    this.#parts = parts;
    this.#watcher = Deno.watchFs(parts.folder);
    void this.#follow();
  }

  async #follow(): Promise<void> {
    const { onChange, clock } = this.#parts;
    for await (const { kind } of this.#watcher) {
      if (kind === "access") continue;
      this.#cancel();
      this.#cancel = clock.after(SETTLE_MS, onChange);
    }
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
    this.#cancel();
  }
}
