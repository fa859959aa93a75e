/**
 * The API keys that this gateway knows, read again whenever their file changes.
 *
 * Owns the keys and the watch on the file's folder, so that a file that is replaced by another, or
 * a link that leads elsewhere, is seen as well. Never logs a key or a digest.
 * Invariant: a file that cannot be read, or has a fault, changes nothing.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import type { Log } from "../../shared/log.ts";
import { osState } from "../../shared/os_error.ts";
import { type ApiKey, findKey } from "./api_key.ts";
import { parseKeys } from "./keys_file.ts";

/** A keys file with which no gateway can start; the message names the file and its faults. */
export class KeysFileError extends Error {
  override readonly name = "KeysFileError";
}

export interface KeyRingParts {
  /** `WEIR_API_KEYS_FILE`. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Time for whoever writes the file, and for what else happens in its folder. */
const SETTLE_MS = 100;

export class KeyRing {
  readonly #parts: KeyRingParts;
  #text: string;
  #keys: readonly ApiKey[];
  /** What was wrong with the file when it was read last. */
  #complaint: string | undefined;

  /**
   * Reads the file.
   *
   * @throws {KeysFileError} where it cannot be read or has a fault
   */
  constructor(parts: KeyRingParts) {
    this.#parts = parts;
    this.#text = readText(parts.file);
    this.#keys = this.#parse(this.#text);
  }

  /** Number of keys. */
  get size(): number {
    return this.#keys.length;
  }

  /** Finds what is known of a key. */
  find(key: string): ApiKey | undefined {
    return findKey(this.#keys, key);
  }

  /** Finds a key by its name. */
  named(name: string): ApiKey | undefined {
    return this.#keys.find((key) => key.name === name);
  }

  /** Follows the file's changes until aborted. */
  async follow(signal: AbortSignal): Promise<void> {
    const { file, clock, log } = this.#parts;
    let cancel: (() => void) | undefined;
    try {
      using watcher = Deno.watchFs(dirname(file), { recursive: false });
      signal.addEventListener("abort", () => watcher.close(), { once: true });
      if (signal.aborted) return;
      // It may have changed before the watch began.
      this.#reload();
      for await (const _ of watcher) {
        cancel ??= clock.after(SETTLE_MS, () => {
          cancel = undefined;
          this.#reload();
        });
      }
    } catch (error) {
      log.error("api keys are not watched, a change needs a restart", { error: String(error) });
    } finally {
      cancel?.();
    }
  }

  #reload(): void {
    const { file, log } = this.#parts;
    try {
      const text = readText(file);
      if (text === this.#text && this.#complaint === undefined) return;
      this.#keys = this.#parse(text);
      this.#text = text;
      this.#complaint = undefined;
      log.info("api keys read again", { file, keys: this.size });
    } catch (error) {
      if (!(error instanceof KeysFileError)) throw error;
      // Whatever else happens in the folder is no reason to say it again.
      if (error.message === this.#complaint) return;
      this.#complaint = error.message;
      log.error("api keys stay as they were", { error: error.message });
    }
  }

  #parse(text: string): readonly ApiKey[] {
    const read = parseKeys(text);
    if (read.ok) return read.keys;
    throw new KeysFileError(`cannot read "${this.#parts.file}": ${read.faults.join("; ")}`);
  }
}

function readText(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    throw new KeysFileError(`cannot read "${file}": ${osState(error)}`);
  }
}
