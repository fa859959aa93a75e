/**
 * A watch on a model repository: tells when something in it has changed and it is quiet again. What
 * is only being prepared there is no change.
 *
 * Owns the system's watch. Never reads a model.
 * Invariant: whoever is told finds nothing half written, unless its writer paused for longer than
 * {@linkcode SETTLE_MS}.
 *
 * @module
 */
import { relative } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { STAGING_PREFIX } from "./repository.ts";

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
    const { folder, onChange, clock } = this.#parts;
    for await (const event of this.#watcher) {
      if (!isChange(event, folder)) continue;
      this.#cancel();
      this.#cancel = clock.after(SETTLE_MS, onChange);
    }
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
    this.#cancel();
  }
}

/** Whether an event is more than a look at the repository, or at what is prepared there. */
export function isChange(
  { kind, paths }: Pick<Deno.FsEvent, "kind" | "paths">,
  folder: string,
): boolean {
  const isStaged = (path: string) => relative(folder, path).startsWith(STAGING_PREFIX);
  return kind !== "access" && (paths.length === 0 || !paths.every(isStaged));
}
