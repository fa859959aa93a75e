/**
 * The engine `onnx`: ONNX Runtime's native library, whose processor version its package brings.
 *
 * Owns the sessions, and the order in which a net wants a picture's numbers. Runs beside this
 * thread, in the library's own. Invariant: a model it returns has one input of pictures and one
 * output of float32.
 *
 * @see https://onnxruntime.ai/docs/api/js/
 * @module
 */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { Layout } from "../images/preprocess.ts";
import type { InputSpec } from "../models/config.ts";
import { faultOf, ModelError } from "../models/model_error.ts";
import type { Engine, Model, ModelFiles } from "./engine.ts";
import { checkOutput, onlyOutput } from "./output.ts";

type Ort = typeof import("onnxruntime-node");

const CHANNELS = 3;

export interface OnnxEngineOptions {
  /** With which it computes; as many as there are cores unless given. */
  readonly threads?: number | undefined;
}

/**
 * Loads the library.
 *
 * @throws where it has no binary for this platform or may not be loaded
 */
export async function openOnnx(options: OnnxEngineOptions = {}): Promise<Engine> {
  const ort = await import("onnxruntime-node");
  return new OnnxEngine(ort, options);
}

class OnnxEngine implements Engine {
  readonly name = "onnx";
  readonly description: string;
  readonly #ort: Ort;
  readonly #threads: number;

  constructor(ort: Ort, { threads = navigator.hardwareConcurrency }: OnnxEngineOptions) {
    this.#ort = ort;
    this.#threads = threads;
    this.description = `onnxruntime-node ${ort.env.versions.node}`;
  }

  async load({ entry, format, config }: ModelFiles): Promise<Model> {
    if (format !== "onnx") {
      throw new ModelError(`cannot load "${entry}": the engine onnx runs onnx, not ${format}`);
    }
    await using opening = new AsyncDisposableStack();
    try {
      const session = opening.adopt(
        await this.#ort.InferenceSession.create(entry, {
          intraOpNumThreads: this.#threads,
          // Warnings are of optimisations that it leaves out.
          logSeverityLevel: 3,
          // Between batches its threads would go on turning, on cores that decode and answer.
          extra: { session: { force_spinning_stop: "1" } },
        }),
        (session) => session.release(),
      );
      const model = new OnnxModel(this.#ort, session, inputOf(session, config.input));
      await model.findOutputShape();
      opening.move(); // from here on the model releases the session
      return model;
    } catch (error) {
      throw new ModelError(`cannot load "${entry}": ${faultOf(error)}`);
    }
  }

  /** The library frees what a run makes by itself, and counts nothing. */
  tensors(): undefined {}
}

/** What a net takes in. */
interface OnnxInput {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  /** PyTorch's nets want planes. */
  readonly layout: Layout;
  /** Images in every run, where the net allows no other number. */
  readonly batch: number | undefined;
}

/** Reads from the net which order it wants, and that the size is the one in the settings. */
function inputOf(session: InferenceSession, { height, width }: InputSpec): OnnxInput {
  const [input, second] = session.inputMetadata;
  if (input === undefined || second !== undefined) {
    throw new Error(`the net has ${session.inputMetadata.length} inputs, not one`);
  }
  if (!input.isTensor || input.type !== "float32") {
    throw new Error(`the net's input is ${input.isTensor ? input.type : "no tensor"}, not float32`);
  }
  const { name, shape } = input;
  const fits = (...sides: readonly number[]): boolean =>
    shape.length === 4 &&
    sides.every((side, i) => typeof shape[i + 1] === "string" || shape[i + 1] === side);
  const [last, planar] = [fits(height, width, CHANNELS), fits(CHANNELS, height, width)];
  if (!last && !planar) {
    throw new Error(
      `the net's input is [${shape.join(", ")}], weir.json's ${width}×${height} pixels`,
    );
  }
  const batch = typeof shape[0] === "number" ? shape[0] : undefined;
  return { name, height, width, layout: last ? "interleaved" : "planar", batch };
}

class OnnxModel implements Model {
  outputShape: readonly number[] = [];
  readonly layout: Layout;
  readonly #ort: Ort;
  readonly #session: InferenceSession;
  readonly #input: OnnxInput;
  #running: Promise<unknown> = Promise.resolve();
  #disposed = false;

  constructor(ort: Ort, session: InferenceSession, input: OnnxInput) {
    this.#ort = ort;
    this.#session = session;
    this.#input = input;
    this.layout = input.layout;
  }

  /** Runs on a black image: a net need not say its output's shape. */
  async findOutputShape(): Promise<void> {
    const { height, width, batch = 1 } = this.#input;
    const output = await this.#run(new Float32Array(batch * height * width * CHANNELS), batch);
    this.outputShape = output.dims.slice(1);
  }

  async predict(batch: Float32Array, size: number, signal: AbortSignal): Promise<Float32Array> {
    signal.throwIfAborted();
    const { batch: fixed = size } = this.#input;
    if (fixed === size) return floatsOf(await this.#run(batch, size));
    return await this.#predictInRuns(batch, size, fixed);
  }

  /** What is still run with would be freed under its feet: it goes with the run. */
  dispose(): void {
    if (!this.#disposed) void this.#running.finally(() => this.#session.release()).catch(() => {});
    this.#disposed = true;
  }

  /** For a net that takes `fixed` images, no more and no fewer: the last run is filled with black. */
  async #predictInRuns(batch: Float32Array, size: number, fixed: number): Promise<Float32Array> {
    const image = batch.length / size;
    const parts: Float32Array[] = [];
    for (let from = 0; from < size; from += fixed) {
      const images = new Float32Array(fixed * image);
      images.set(batch.subarray(from * image, (from + fixed) * image));
      parts.push(floatsOf(await this.#run(images, fixed)));
    }
    const values = parts[0]!.length / fixed;
    const all = new Float32Array(parts.length * fixed * values);
    parts.forEach((part, i) => all.set(part, i * part.length));
    return all.subarray(0, size * values);
  }

  async #run(batch: Float32Array, size: number): Promise<Tensor> {
    const { name, height, width, layout } = this.#input;
    const shape = layout === "planar"
      ? [size, CHANNELS, height, width]
      : [size, height, width, CHANNELS];
    const run = this.#session.run({ [name]: new this.#ort.Tensor(batch, shape) });
    this.#running = run;
    const outputs = await run;
    const output = onlyOutput(Object.values(outputs), Object.keys(outputs));
    checkOutput({ type: output.type, shape: output.dims }, size);
    return output;
  }
}

function floatsOf(output: Tensor): Float32Array {
  return output.data as Float32Array;
}
