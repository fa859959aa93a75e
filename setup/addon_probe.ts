/**
 * A program of its own: loads the native addon of one tfjs-node package and multiplies with it.
 *
 * A process apart, for a library that does not fit this machine may end the one that loads it.
 * Prints the product; the argument is the package's folder.
 *
 * @module
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import nodeUtil from "node:util";

/** The few calls of tfjs-node made here. */
interface TensorFlow {
  getBackend(): string;
  tensor2d(values: number[][]): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
}
interface Tensor {
  dataSync(): Float32Array;
}

// tfjs-node calls it; Node 23 dropped it, and so did Deno.
Object.assign(nodeUtil, { isNullOrUndefined: (value: unknown) => value == null });

const packageFolder = Deno.args[0] ?? "";
const tf: TensorFlow = createRequire(join(packageFolder, "package.json"))(packageFolder);
const product = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]]));
await Deno.stdout.write(
  new TextEncoder().encode(`${tf.getBackend()} ${product.dataSync().join(" ")}`),
);
