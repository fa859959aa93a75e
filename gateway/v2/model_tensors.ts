/**
 * What goes into a model and comes out of it, as the Open Inference Protocol sees it: tensors with
 * a name, a datatype and a shape.
 *
 * Every model takes either of two inputs: photos, or what they would become, ready for the network.
 *
 * @module
 */
import type { ModelCard } from "../../shared/model_card.ts";
import type { Shape } from "../../shared/tensor.ts";

/** Names of the inputs; a request has one of them. */
export const INPUTS = ["image", "tensor"] as const;

/** Names of the outputs, by what a model answers with. */
export const OUTPUTS = {
  classes: ["labels", "probabilities"],
  embedding: ["embedding"],
  tensor: ["tensor"],
} as const satisfies Record<ModelCard["output"]["kind"], readonly string[]>;

/** Names of the outputs of any model. */
export const ALL_OUTPUTS = Object.values(OUTPUTS).flat();

export type OutputName = (typeof ALL_OUTPUTS)[number];

/** Datatypes in use: `BYTES` are texts or files, `FP32` float32 numbers. */
export const DATATYPES: Readonly<
  Record<(typeof INPUTS)[number] | OutputName, "BYTES" | "FP32">
> = {
  image: "BYTES",
  tensor: "FP32",
  labels: "BYTES",
  probabilities: "FP32",
  embedding: "FP32",
};

/** Shape of one image as the network takes it. */
export function imageShape({ input: { width, height } }: ModelCard): Shape {
  return [height, width, 3];
}

/** A tensor as metadata describes it; a size of -1 is the request's to choose. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: "BYTES" | "FP32";
  readonly shape: number[];
}

/** Describes a model's inputs and outputs. */
export function tensorsOf(
  card: ModelCard,
): { readonly inputs: TensorMetadata[]; readonly outputs: TensorMetadata[] } {
  const { kind, shape } = card.output;
  return {
    inputs: [
      { name: "image", datatype: DATATYPES.image, shape: [-1] },
      { name: "tensor", datatype: DATATYPES.tensor, shape: [-1, ...imageShape(card)] },
    ],
    outputs: OUTPUTS[kind].map((name) => ({
      name,
      datatype: DATATYPES[name],
      // How many classes there are to be is the request's to choose too.
      shape: kind === "classes" ? [-1, -1] : [-1, ...shape],
    })),
  };
}
