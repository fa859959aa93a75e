/**
 * A net small enough to be checked by hand: it names the mean colour of a picture, or is cut before.
 *
 * Owns its numbers and their layout on disk, as layers or as a graph, plain or quantised, or ONNX.
 * For tests alone.
 *
 * @module
 */
import { join } from "node:path";
import { onnxFile, type OnnxGraph } from "./onnx_file.ts";

/** Classes of the net, in the order of its output. */
export const COLOURS = ["red", "green", "blue", "grey"] as const;

/** Side of the net's square input, in pixels. */
export const COLOUR_SIDE = 4;

/** `KERNEL[channel][class]`; all are whole steps of the quantisation below. */
const KERNEL = [
  [4, -2, -2, 0],
  [-2, 4, -2, 0],
  [-2, -2, 4, 0],
];
const BIAS = [0, 0, 0, 0.5];

/** Quantisation of the kernel to eight bits: `value = byte * scale + min`. */
const QUANTIZATION = { dtype: "uint8", min: -2, scale: 6 / 255 };

/** What the net must answer for a picture of one colour, computed here a second time. */
export function colourScores(rgb: readonly number[]): number[] {
  const logits = BIAS.map((bias, index) =>
    rgb.reduce((sum, value, channel) => sum + value * (KERNEL[channel]?.[index] ?? NaN), bias)
  );
  const powers = logits.map(Math.exp);
  const sum = powers.reduce((total, power) => total + power);
  return powers.map((power) => power / sum);
}

/** A batch of pictures of one colour each, as a model takes it. */
export function colourBatch(...pictures: readonly (readonly number[])[]): Float32Array {
  const pixels = COLOUR_SIDE * COLOUR_SIDE;
  return Float32Array.from(pictures.flatMap((rgb) => Array(pixels).fill(rgb).flat()));
}

/**
 * Where the net may be cut, so that it answers with numbers: at the mean colour of a picture, an
 * embedding of `[3]`, or at those of its quarters, a tensor of `[2, 2, 3]`.
 */
export const COLOUR_CUTS = ["mean", "quarters"] as const;

type ColourCut = (typeof COLOUR_CUTS)[number];

/** What `weir.json` says of a net that is cut. */
const CUT_KINDS: Readonly<Record<ColourCut, "embedding" | "tensor">> = {
  mean: "embedding",
  quarters: "tensor",
};

/** How {@linkcode writeColourModel} lays the net out. */
export interface ColourModelOptions {
  readonly format?: "layers" | "graph" | "onnx";
  readonly cut?: ColourCut | undefined;
  /** Weights of eight bits; of `model.json` alone. */
  readonly quantised?: boolean;
  /** How an ONNX file differs from a net for pictures, channels last, any number at once. */
  readonly onnx?: { readonly planar?: boolean; readonly batch?: number };
  /** Changes an ONNX file's graph. */
  readonly edit?: (graph: OnnxGraph) => OnnxGraph;
  /** What `weir.json` says beyond the input's size and the labels. */
  readonly settings?: Record<string, unknown>;
  readonly version?: string;
}

/**
 * Writes the net into a repository as the model `name`.
 *
 * @returns folder of the version
 */
export async function writeColourModel(
  repository: string,
  name: string,
  options: ColourModelOptions = {},
): Promise<string> {
  const { format = "layers", settings = {}, version = "1" } = options;
  const folder = join(repository, name, version);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(repository, name, "labels.txt"), COLOURS.join("\n") + "\n");
  const { cut } = options;
  const weir = {
    ...(cut === undefined ? { labels: "labels.txt" } : { output: { kind: CUT_KINDS[cut] } }),
    input: { width: COLOUR_SIDE, height: COLOUR_SIDE },
    ...settings,
  };
  await Deno.writeTextFile(join(repository, name, "weir.json"), JSON.stringify(weir));
  if (format === "onnx") await writeOnnx(folder, options);
  else await writeModelJson(folder, format, options);
  return folder;
}

const QUARTERS = { kernel_shape: [2, 2], strides: [2, 2] };

/** Of a net that is not cut too; quarters are in planes. */
const ONNX_OUTPUTS = {
  scores: (batch: number | string) => ({ name: "scores", shape: [batch, COLOURS.length] }),
  mean: (batch: number | string) => ({ name: "mean", shape: [batch, 3] }),
  quarters: (batch: number | string) => ({ name: "quarters", shape: [batch, 3, 2, 2] }),
};

async function writeOnnx(
  folder: string,
  { cut, onnx = {}, edit = (graph) => graph }: ColourModelOptions,
): Promise<void> {
  const { planar = false, batch = "images" } = onnx;
  const shape = planar
    ? [batch, 3, COLOUR_SIDE, COLOUR_SIDE]
    : [batch, COLOUR_SIDE, COLOUR_SIDE, 3];
  const axes = planar ? [2, 3] : [1, 2];
  const graph: OnnxGraph = {
    name: "colour",
    input: { name: "image", shape },
    outputs: [ONNX_OUTPUTS[cut ?? "scores"](batch)],
    weights: {
      kernel: { shape: [3, COLOURS.length], values: Float32Array.from(KERNEL.flat()) },
      bias: { shape: [COLOURS.length], values: Float32Array.from(BIAS) },
    },
    nodes: [
      ...(cut === "quarters"
        ? [{ op: "AveragePool", inputs: ["image"], output: "quarters", attributes: QUARTERS }]
        : []),
      { op: "ReduceMean", inputs: ["image"], output: "mean", attributes: { axes, keepdims: 0 } },
      { op: "Gemm", inputs: ["mean", "kernel", "bias"], output: "sum" },
      { op: "Softmax", inputs: ["sum"], output: "scores", attributes: { axis: 1 } },
    ],
  };
  await Deno.writeFile(join(folder, "model.onnx"), onnxFile(edit(graph)));
}

async function writeModelJson(
  folder: string,
  format: "layers" | "graph",
  { quantised = false, cut }: ColourModelOptions,
): Promise<void> {
  await Deno.writeFile(join(folder, "kernel.bin"), kernelBytes(quantised));
  await Deno.writeFile(join(folder, "bias.bin"), new Uint8Array(Float32Array.from(BIAS).buffer));
  await Deno.writeFile(join(folder, "axes.bin"), new Uint8Array(Int32Array.of(1, 2).buffer));
  const json = JSON.stringify(modelJson(format, quantised, cut));
  await Deno.writeTextFile(join(folder, "model.json"), json);
}

function kernelBytes(quantised: boolean): Uint8Array {
  const values = KERNEL.flat();
  if (!quantised) return new Uint8Array(Float32Array.from(values).buffer);
  const { min, scale } = QUANTIZATION;
  return Uint8Array.from(values, (value) => Math.round((value - min) / scale));
}

function modelJson(
  format: "layers" | "graph",
  quantised: boolean,
  cut: ColourCut | undefined,
): Record<string, unknown> {
  const prefix = format === "layers" ? "dense/" : "";
  const weights = [
    { name: `${prefix}kernel`, shape: [3, 4], dtype: "float32" },
    { name: `${prefix}bias`, shape: [4], dtype: "float32" },
    { name: "axes", shape: [2], dtype: "int32" },
  ];
  const kernel = quantised ? { ...weights[0], quantization: QUANTIZATION } : weights[0];
  const axes = { paths: ["axes.bin"], weights: [weights[2]] };
  return {
    format: `${format}-model`,
    modelTopology: format === "layers" ? layersTopology(cut) : graphTopology(cut),
    weightsManifest: [
      ...(cut === undefined
        ? [
          { paths: ["kernel.bin"], weights: [kernel] },
          { paths: ["bias.bin"], weights: [weights[1]] },
        ]
        : []),
      ...(format === "graph" && cut !== "quarters" ? [axes] : []),
    ],
  };
}

function layersTopology(cut: ColourCut | undefined): Record<string, unknown> {
  const batch_input_shape = [null, COLOUR_SIDE, COLOUR_SIDE, 3];
  return {
    class_name: "Sequential",
    config: {
      name: "colour",
      layers: [
        cut === "quarters"
          ? {
            class_name: "AveragePooling2D",
            config: { name: "quarters", pool_size: [2, 2], batch_input_shape },
          }
          : { class_name: "GlobalAveragePooling2D", config: { name: "mean", batch_input_shape } },
        ...(cut === undefined
          ? [{ class_name: "Dense", config: { name: "dense", units: 4, activation: "softmax" } }]
          : []),
      ],
    },
  };
}

/** The same as nodes of a GraphDef, in the JSON form of protocol buffers. */
function graphTopology(cut: ColourCut | undefined): Record<string, unknown> {
  const float = { T: { type: "DT_FLOAT" } };
  const constant = (name: string, type: string) => ({
    name,
    op: "Const",
    attr: { dtype: { type } },
  });
  const dim = [-1, COLOUR_SIDE, COLOUR_SIDE, 3].map((size) => ({ size: String(size) }));
  const image = { dtype: { type: "DT_FLOAT" }, shape: { shape: { dim } } };
  const window = { list: { i: ["1", "2", "2", "1"] } };
  const pooling = { ...float, ksize: window, strides: window, padding: { s: btoa("VALID") } };
  const start = [
    { name: "image", op: "Placeholder", attr: image },
    ...(cut === "quarters"
      ? [{ name: "quarters", op: "AvgPool", input: ["image"], attr: pooling }]
      : [
        constant("axes", "DT_INT32"),
        { name: "mean", op: "Mean", input: ["image", "axes"], attr: float },
      ]),
  ];
  const versions = { producer: 440 };
  if (cut !== undefined) return { node: start, versions };
  return {
    node: [
      ...start,
      constant("kernel", "DT_FLOAT"),
      constant("bias", "DT_FLOAT"),
      { name: "product", op: "MatMul", input: ["mean", "kernel"], attr: float },
      { name: "sum", op: "BiasAdd", input: ["product", "bias"], attr: float },
      { name: "scores", op: "Softmax", input: ["sum"], attr: float },
    ],
    versions,
  };
}
