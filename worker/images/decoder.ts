/**
 * The decoding of a worker: photos side by side, but only so many.
 *
 * Owns the bound. Never looks at a photo.
 * Invariant: what is decoded at once, and so its memory, does not grow with what waits.
 *
 * @module
 */
import { bulkhead, type BulkheadPolicy } from "cockatiel";
import type { InputSpec } from "../models/config.ts";
import { type Decoded, decodeImage } from "./decode.ts";

/**
 * Photos that are decoded at once for each core. More bring no speed; Deno, other than Node, would
 * start a thread for each, and a large AVIF needs up to 20 bytes a pixel.
 */
export const DECODES_PER_CORE = 2;

export interface DecoderParts {
  /** Cores that it may keep busy. */
  readonly threads: number;
  /** Greatest width times height of a photo. */
  readonly pixelsMax: number;
  /** How one photo is decoded: really, unless a test has its own way. */
  readonly decodeImage?: typeof decodeImage;
}

export class Decoder {
  readonly #parts: Required<DecoderParts>;
  readonly #slots: BulkheadPolicy;
  /** Photos that are decoded at once at most. */
  readonly runningMax: number;

  constructor(parts: DecoderParts) {
    this.#parts = { decodeImage, ...parts };
    this.runningMax = DECODES_PER_CORE * parts.threads;
    this.#slots = bulkhead(this.runningMax, Infinity);
  }

  /** Photos that are being decoded. */
  get running(): number {
    return this.runningMax - this.#slots.executionSlots;
  }

  /** Decodes a photo for a model's input as soon as there is room, the first come first. */
  decode(bytes: Uint8Array, input: InputSpec): Promise<Decoded> {
    const { pixelsMax, decodeImage } = this.#parts;
    return this.#slots.execute(() => decodeImage(bytes, input, { pixelsMax }));
  }
}
