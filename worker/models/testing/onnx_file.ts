/**
 * Writes `.onnx` files: a graph of nodes and its weights, in the form of protocol buffers.
 *
 * Owns how a graph is spelled there. Knows no network; checks nothing that the runtime checks.
 * For tests, and for tasks that make models.
 *
 * @see https://onnx.ai/onnx/repo-docs/IR.html
 * @module
 */
import type { onnx as Onnx } from "onnx-proto";
// The package is CommonJS, whose names Deno does not find.
import proto from "onnx-proto";

const { onnx } = proto as unknown as { onnx: typeof Onnx };
const { FLOAT, INT64 } = onnx.TensorProto.DataType;

/** Version 13 of the operators: the oldest whose `Softmax` works along one axis. */
const OPERATORS_VERSION = 13;

/** A value's sides, in order; text names one that is known with the first run. */
export type OnnxShape = readonly (number | string)[];

/** An operator at work. */
export interface OnnxNode {
  /** As the list of operators spells it: `Conv`. */
  readonly op: string;
  readonly inputs: readonly string[];
  /** Name of its value, and its own. */
  readonly output: string;
  /** Whole numbers and lists of them; text. */
  readonly attributes?: Readonly<Record<string, number | readonly number[] | string>>;
}

/** Numbers that the graph brings along. */
export interface OnnxWeights {
  readonly shape: readonly number[];
  /** Whole numbers are shapes. */
  readonly values: Float32Array | BigInt64Array;
}

/** A network: float32 from one input to the outputs. */
export interface OnnxGraph {
  readonly name: string;
  readonly input: { readonly name: string; readonly shape: OnnxShape };
  readonly outputs: readonly { readonly name: string; readonly shape: OnnxShape }[];
  readonly weights: Readonly<Record<string, OnnxWeights>>;
  readonly nodes: readonly OnnxNode[];
}

/** The bytes of the file. */
export function onnxFile({ name, input, outputs, weights, nodes }: OnnxGraph): Uint8Array {
  const model = onnx.ModelProto.create({
    irVersion: onnx.Version.IR_VERSION,
    producerName: "weir",
    opsetImport: [{ domain: "", version: OPERATORS_VERSION }],
    graph: {
      name,
      input: [valueOf(input)],
      output: outputs.map(valueOf),
      initializer: Object.entries(weights).map(([name, { shape, values }]) => ({
        name,
        dims: [...shape],
        dataType: values instanceof Float32Array ? FLOAT : INT64,
        rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      })),
      node: nodes.map(({ op, inputs, output, attributes = {} }) => ({
        name: output,
        opType: op,
        input: [...inputs],
        output: [output],
        attribute: Object.entries(attributes).map(attributeOf),
      })),
    },
  });
  return onnx.ModelProto.encode(model).finish();
}

function valueOf({ name, shape }: { name: string; shape: OnnxShape }): Onnx.IValueInfoProto {
  const dim = shape.map((side) =>
    typeof side === "number" ? { dimValue: side } : { dimParam: side }
  );
  return {
    name,
    type: { tensorType: { elemType: FLOAT, shape: { dim } } },
  };
}

function attributeOf(
  [name, value]: [string, number | readonly number[] | string],
): Onnx.IAttributeProto {
  const { INT, INTS, STRING } = onnx.AttributeProto.AttributeType;
  if (typeof value === "number") return { name, type: INT, i: value };
  if (typeof value === "string") return { name, type: STRING, s: new TextEncoder().encode(value) };
  return { name, type: INTS, ints: [...value] };
}
