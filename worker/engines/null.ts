/**
 * The engine `null`: no net at all, for measuring everything else.
 *
 * Never decodes, never computes. Invariant: every answer is empty.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import type { Engine, Model } from "./engine.ts";

/** What the engine pretends. */
export interface NullEngineOptions {
  /** How long it takes over one image, `WEIR_NULL_DELAY_MS`. */
  readonly delayMs: number;
  readonly clock: Pick<Clock, "sleep">;
}

/** Makes an engine whose models take `delayMs` for each image of a batch, one after the other. */
export function openNull({ delayMs, clock }: NullEngineOptions): Engine {
  const model: Model = {
    outputShape: [0],
    layout: "interleaved",
    predict: async (_batch, size, signal) => {
      if (delayMs > 0) await clock.sleep(delayMs * size, signal);
      signal.throwIfAborted();
      return new Float32Array();
    },
    dispose: () => {},
  };
  return {
    name: "null",
    description: `no model, ${delayMs} ms an image`,
    load: () => Promise.resolve(model),
    tensors: () => undefined,
  };
}
