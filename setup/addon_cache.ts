/**
 * The user's cache of built addons: what one clone downloaded and compiled serves the next.
 *
 * Owns the cache folder, its lock, and the memory of attempts that failed. Never judges whether
 * an addon works (the probe does).
 * Invariant: an entry appears whole or not at all; one set-up at a time changes the cache.
 *
 * @module
 */
import { join } from "node:path";
import { orAborted } from "../shared/or_aborted.ts";
import { copyTree, removePath, sealTree, treeSource } from "./addon_tree.ts";

/** A failed attempt is not repeated for so long: set-up stays quick without a network. */
const FAILURE_MS = 24 * 3600 * 1000;

/** The folder for caches of this user: `XDG_CACHE_HOME`, the system's custom, or the checkout's. */
export function cacheFolder(
  env: Readonly<Record<string, string>>,
  os: typeof Deno.build.os,
  root: string,
): string {
  const home = env["HOME"];
  if (env["XDG_CACHE_HOME"]) return join(env["XDG_CACHE_HOME"], "weir");
  if (!home) return join(root, ".weir", "cache");
  return os === "darwin" ? join(home, "Library", "Caches", "weir") : join(home, ".cache", "weir");
}

export interface AddonCacheOptions {
  /** Milliseconds since 1970 (UTC). */
  readonly wall: () => number;
  /** Called when another set-up holds the lock, before waiting for it. */
  readonly onWait: () => void;
}

/** Built addons by key, shared by all checkouts of a user. */
export class AddonCache {
  readonly #folder: string;
  readonly #options: AddonCacheOptions;

  constructor(folder: string, options: AddonCacheOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /**
   * Waits until this set-up is the only one, and clears what interrupted ones left.
   * Disposed of, it clears what this one leaves; the system gives it back if the process dies.
   *
   * @throws the signal's reason once it aborts
   */
  async lock({ signal }: { readonly signal: AbortSignal }): Promise<AsyncDisposable> {
    await Deno.mkdir(this.#folder, { recursive: true });
    const file = await Deno.open(join(this.#folder, "lock"), { write: true, create: true });
    if (!await file.tryLock(true)) {
      this.#options.onWait();
      await orAborted(file.lock(true), signal);
      signal.throwIfAborted();
    }
    await removePath(this.#work);
    return {
      [Symbol.asyncDispose]: async () => {
        await removePath(this.#work);
        file.close();
      },
    };
  }

  /** A new empty folder, removed with the lock. Under the lock only. */
  async workFolder(): Promise<string> {
    await Deno.mkdir(this.#work, { recursive: true });
    return await Deno.makeTempDir({ dir: this.#work });
  }

  /** The folder of a complete entry. */
  async entry(key: string): Promise<string | undefined> {
    const folder = join(this.#folder, key);
    return await treeSource(folder) === key ? folder : undefined;
  }

  /** Takes a tree in, and forgets that its source failed once. Under the lock only. */
  async put(key: string, tree: string): Promise<string> {
    const staging = await this.workFolder();
    await copyTree(tree, staging);
    await sealTree(staging, key);
    await this.remove(key);
    const folder = join(this.#folder, key);
    await Deno.rename(staging, folder);
    await removePath(this.#failure(key));
    return folder;
  }

  async remove(key: string): Promise<void> {
    await removePath(join(this.#folder, key));
  }

  /** Remembers why a source failed. */
  async noteFailure(key: string, reason: string): Promise<void> {
    const at = new Date(this.#options.wall());
    await Deno.writeTextFile(this.#failure(key), reason);
    await Deno.utime(this.#failure(key), at, at);
  }

  /** Why a source failed lately, and when it will be tried again. */
  async failure(key: string): Promise<string | undefined> {
    try {
      const { mtime } = await Deno.stat(this.#failure(key));
      const againAt = (mtime?.getTime() ?? 0) + FAILURE_MS;
      if (againAt <= this.#options.wall()) return undefined;
      const reason = await Deno.readTextFile(this.#failure(key));
      return `${reason} (to be tried again after ${new Date(againAt).toISOString()}, ` +
        `or once ${JSON.stringify(this.#failure(key))} is deleted)`;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  get #work(): string {
    return join(this.#folder, "work");
  }

  #failure(key: string): string {
    return join(this.#folder, `${key}.failed`);
  }
}
