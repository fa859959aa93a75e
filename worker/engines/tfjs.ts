/**
 * What the engines on TensorFlow.js share: reading a `model.json`, and a batch's way through a net.
 *
 * Owns the tensors: what a run makes, it frees. Never chooses a backend, only insists on its own.
 * Invariant: after `predict`, as many tensors are alive as before it.
 *
 * @module
 */
import { dirname, join } from "node:path";
import type * as Tf from "@tensorflow/tfjs";
import type { InputSpec } from "../models/config.ts";
import { faultOf, ModelError } from "../models/model_error.ts";
import type { Engine, Model, ModelFiles, ModelFormat } from "./engine.ts";
import { checkOutput, onlyOutput } from "./output.ts";

/** A loaded net of any format, as TensorFlow.js calls it. */
export interface Network {
  /** In the order in which they are predicted. */
  readonly outputs: readonly { readonly name: string }[];
  predict(images: Tf.Tensor4D): Tf.Tensor | Tf.Tensor[] | Tf.NamedTensorMap;
  dispose(): unknown;
}

/** How an engine opens a version of the format. */
export type Opener = (files: ModelFiles) => Promise<Network>;

/** What makes one engine differ from another. */
export interface TfjsEngineOptions {
  /** The library, its backend `name` already set. */
  readonly tf: typeof Tf;
  /** Name of the engine, and of its backend within TensorFlow.js. */
  readonly name: "tensorflow" | "wasm";
  readonly description: string;
  /** Formats beyond `model.json`. */
  readonly openers?: Partial<Record<ModelFormat, Opener>>;
}

/** An engine on one backend of TensorFlow.js. */
export class TfjsEngine implements Engine {
  readonly name: "tensorflow" | "wasm";
  readonly description: string;
  readonly #tf: typeof Tf;
  readonly #openers: Partial<Record<ModelFormat, Opener>>;

  constructor({ tf, name, description, openers }: TfjsEngineOptions) {
    this.name = name;
    this.description = description;
    this.#tf = tf;
    this.#openers = {
      layers: async ({ entry }) => tf.loadLayersModel(tf.io.fromMemory(await readArtifacts(entry))),
      graph: async ({ entry }) => tf.loadGraphModel(tf.io.fromMemory(await readArtifacts(entry))),
      ...openers,
    };
  }

  async load(files: ModelFiles): Promise<Model> {
    const open = this.#openers[files.format];
    if (open === undefined) {
      const formats = Object.keys(this.#openers).join(", ");
      throw new ModelError(
        `cannot load "${files.entry}": the engine ${this.name} runs ${formats}, not ${files.format}`,
      );
    }
    using opening = new DisposableStack();
    try {
      const network = opening.adopt(await open(files), (network) => network.dispose());
      const model = new TfjsModel(this.#tf, this.name, network, files.config.input);
      opening.move(); // from here on the model disposes of the net
      return model;
    } catch (error) {
      throw new ModelError(`cannot load "${files.entry}": ${faultOf(error)}`);
    }
  }

  tensors(): number {
    return this.#tf.memory().numTensors;
  }
}

class TfjsModel implements Model {
  readonly outputShape: readonly number[];
  readonly layout = "interleaved";
  readonly #tf: typeof Tf;
  readonly #backend: string;
  readonly #network: Network;
  readonly #input: InputSpec;
  #disposed = false;

  constructor(tf: typeof Tf, backend: string, network: Network, input: InputSpec) {
    this.#tf = tf;
    this.#backend = backend;
    this.#network = network;
    this.#input = input;
    // Graphs and SavedModels need not say their output's shape: a run on a black image tells it.
    const output = this.#run(new Float32Array(input.height * input.width * 3), 1);
    this.outputShape = output.shape.slice(1);
    output.dispose();
  }

  async predict(batch: Float32Array, size: number, signal: AbortSignal): Promise<Float32Array> {
    signal.throwIfAborted();
    const output = this.#run(batch, size);
    try {
      return await output.data<"float32">();
    } finally {
      output.dispose();
    }
  }

  dispose(): void {
    if (!this.#disposed) this.#network.dispose();
    this.#disposed = true;
  }

  /** Gives the output to be read by the caller: within `tidy`, reading is fifty times slower. */
  #run(batch: Float32Array, size: number): Tf.Tensor {
    const tf = this.#tf;
    // A process has one backend of TensorFlow.js: under another one, weights would wander there.
    if (tf.getBackend() !== this.#backend) {
      throw new Error(`cannot run on backend "${this.#backend}": it is "${tf.getBackend()}" now`);
    }
    const { height, width } = this.#input;
    return tf.tidy(() => {
      const output = this.#network.predict(tf.tensor4d(batch, [size, height, width, 3]));
      const only = output instanceof tf.Tensor ? output : onlyOutput(
        Object.values(output),
        Array.isArray(output) ? this.#network.outputs.map(({ name }) => name) : Object.keys(output),
      );
      checkOutput({ type: only.dtype, shape: only.shape }, size);
      return only;
    });
  }
}

/** Reads a `model.json` that the repository has checked, and its shards beside it. */
export async function readArtifacts(entry: string): Promise<Tf.io.ModelArtifacts> {
  const json: Tf.io.ModelJSON = JSON.parse(await Deno.readTextFile(entry));
  // What only training needs would be built and never used.
  const { weightsManifest, trainingConfig: _, ...artifacts } = json;
  const paths = weightsManifest.flatMap((group) => group.paths);
  const shards = await Promise.all(paths.map((path) => Deno.readFile(join(dirname(entry), path))));
  return {
    ...artifacts,
    weightSpecs: weightsManifest.flatMap((group) => group.weights),
    weightData: shards.map((shard) => shard.buffer),
  };
}
