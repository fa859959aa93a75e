/**
 * The engine `wasm`: TensorFlow.js compiled to WebAssembly, which runs wherever Deno does.
 *
 * Owns the choice of that backend. Never reaches the network: the binary lies in the npm package.
 * Invariant: one thread, so that a worker process takes one core.
 *
 * @see https://github.com/tensorflow/tfjs/tree/master/tfjs-backend-wasm
 * @module
 */
import type { Engine } from "./engine.ts";
import { TfjsEngine } from "./tfjs.ts";

/**
 * Loads the library and makes its WebAssembly backend the one of the process.
 *
 * @throws where the library cannot be loaded or the backend does not start
 */
export async function openWasm(): Promise<Engine> {
  const tf = await import("@tensorflow/tfjs");
  const { setThreadsCount, version_wasm } = await import("@tensorflow/tfjs-backend-wasm");
  setThreadsCount(1);
  if (!await tf.setBackend("wasm")) throw new Error("the WebAssembly backend does not start");
  return new TfjsEngine({
    tf,
    name: "wasm",
    description: `tfjs-backend-wasm ${version_wasm}`,
  });
}
