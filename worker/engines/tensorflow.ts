/**
 * The engine `tensorflow`: tfjs-node, which calls TensorFlow's C library.
 *
 * Owns what that library needs to load under Deno. Never falls back to another engine.
 * Invariant: an engine it returns runs native code.
 *
 * @see https://github.com/tensorflow/tfjs/tree/master/tfjs-node
 * @module
 */
import util from "node:util";
import type { Engine } from "./engine.ts";
import { TfjsEngine } from "./tfjs.ts";

/**
 * Loads the library and its native addon.
 *
 * @throws where the addon is missing, was built for another platform or may not be loaded
 */
export async function openTensorflow(): Promise<Engine> {
  restoreNodeUtil();
  const tf = await import("@tensorflow/tfjs-node");
  const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } };
  return new TfjsEngine({
    tf,
    name: "tensorflow",
    description: `tfjs-node ${tf.version["tfjs-node"]}, TensorFlow ${binding.TF_Version}`,
    openers: { saved_model: ({ folder }) => tf.node.loadSavedModel(folder) },
  });
}

/** tfjs-node 4.22.0 calls a function that Node 23 removed (nodejs/node pull request 52744). */
function restoreNodeUtil(): void {
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value == null });
}
