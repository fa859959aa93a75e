/**
 * Images of dead letters, for the thumbnails of as many as look at them.
 *
 * Owns copies of those that were read last, bounded in bytes, so that a thumbnail costs Redis the
 * same for one viewer as for twenty. Invariant: a letter that another gateway threw away is not
 * shown for longer than {@linkcode KEEP_MS}.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import type { DeadLetters } from "../shared/dead_letter.ts";
import type { JobId } from "../shared/job.ts";

/** Bytes of all copies. */
const BYTES_MAX = 33_554_432;

/** How long a copy is good. */
export const KEEP_MS = 600_000;

export interface LetterImagesParts {
  readonly letters: Pick<DeadLetters, "firstImage">;
  readonly clock: Pick<Clock, "now">;
  readonly bytesMax?: number;
}

type Bytes = Uint8Array<ArrayBuffer>;

interface Copy {
  readonly readAt: number;
  readonly image: Promise<Bytes | undefined>;
  /** 0 while it is read. */
  bytes: number;
}

export class LetterImages {
  readonly #parts: LetterImagesParts;
  /** The one that was read first, first. */
  readonly #copies = new Map<JobId, Copy>();

  constructor(parts: LetterImagesParts) {
    this.#parts = parts;
  }

  /** A letter's first image; who asks while it is read shares the answer. */
  async read(id: JobId): Promise<Bytes | undefined> {
    const now = this.#parts.clock.now();
    for (const [id, { readAt }] of this.#copies) if (readAt <= now - KEEP_MS) this.forget(id);
    const known = this.#copies.get(id);
    if (known !== undefined) return await known.image;
    const copy: Copy = { readAt: now, image: this.#read(id), bytes: 0 };
    this.#copies.set(id, copy);
    try {
      const image = await copy.image;
      copy.bytes = image?.byteLength ?? 0;
      if (image === undefined) this.forget(id);
      this.#makeRoom();
      return image;
    } catch (error) {
      this.forget(id);
      throw error;
    }
  }

  /** Forgets the image of a letter that has left. */
  forget(id: JobId): void {
    this.#copies.delete(id);
  }

  async #read(id: JobId): Promise<Bytes | undefined> {
    const bytes = await this.#parts.letters.firstImage(id);
    // A copy of its own: what Redis replies is a part of something larger.
    return bytes && new Uint8Array(bytes);
  }

  #makeRoom(): void {
    const { bytesMax = BYTES_MAX } = this.#parts;
    let held = 0;
    for (const { bytes } of this.#copies.values()) held += bytes;
    for (const [id, { bytes }] of this.#copies) {
      if (held <= bytesMax) return;
      this.forget(id);
      held -= bytes;
    }
  }
}
