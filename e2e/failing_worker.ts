/**
 * A program of its own: a worker whose model fails on every picture, as one does that is short of
 * memory. All else about it is real.
 *
 * @module
 */
import { runTestWorker } from "./test_worker.ts";

await runTestWorker({
  script: "failing",
  model: (model) => {
    let warm = false;
    return {
      outputShape: model.outputShape,
      layout: model.layout,
      predict: async (batch, size, signal) => {
        if (warm) throw new Error("out of memory");
        warm = true;
        return await model.predict(batch, size, signal);
      },
      dispose: () => model.dispose(),
    };
  },
});
