/**
 * A program of its own: a worker that dies of a white picture, at once and without a word to
 * Redis, as native code does when it crashes. All else about it is real.
 *
 * @module
 */
import process from "node:process";
import type { Model } from "../worker/engines/engine.ts";
import { runTestWorker, say } from "./test_worker.ts";

/** The same model, but for what white does to it. */
function crashing(model: Model): Model {
  return {
    outputShape: model.outputShape,
    layout: model.layout,
    predict: (batch, size, signal) => {
      const length = batch.length / size;
      const images = Array.from(
        { length: size },
        (_, i) => batch.subarray(i * length, (i + 1) * length),
      );
      if (images.some((image) => image.every((value) => value === 1))) {
        say(`crashing in a batch of ${size}`);
        process.kill(process.pid, "SIGKILL");
      }
      return model.predict(batch, size, signal);
    },
    dispose: () => model.dispose(),
  };
}

await runTestWorker({ script: "crashing", model: crashing });
