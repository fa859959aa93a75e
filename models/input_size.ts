/**
 * How large a network wants its pictures, as far as its files say.
 *
 * Never runs a network. Invariant: a side that the files leave open is undefined, never guessed.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { faultOf, ModelError } from "../worker/models/model_error.ts";
import { readJsonFile } from "../worker/models/json_file.ts";
import type { FoundNetwork } from "./network.ts";

/** Sides in pixels. */
export interface Size {
  readonly width?: number;
  readonly height?: number;
}

const CHANNELS = 3;

/**
 * Reads the size of a network's input. A SavedModel's is not read.
 *
 * @param version folder of the version, as a repository has it
 * @throws {ModelError} naming the file and the fault
 */
export async function inputSize(version: string, format: FoundNetwork["format"]): Promise<Size> {
  switch (format) {
    case "model.json":
      return sizeOfShape(shapeIn(await readJsonFile(join(version, "model.json"), z.unknown())));
    case "onnx":
      return sizeOfShape(await onnxShape(join(version, "model.onnx")));
    case "saved_model":
      return {};
  }
}

/** `[batch, height, width, 3]` or `[batch, 3, height, width]`; what is no number is open. */
function sizeOfShape(shape: readonly unknown[] | undefined): Size {
  if (shape?.length !== 4) return {};
  const [, a, b, c] = shape.map((side) => typeof side === "number" && side > 0 ? side : undefined);
  const [height, width] = a === CHANNELS && c !== CHANNELS ? [b, c] : [a, b];
  return { ...(width !== undefined && { width }), ...(height !== undefined && { height }) };
}

/** Keras writes the shape at a net's first layer, under either name by its version. */
const Layer = z.object({
  batch_input_shape: z.array(z.number().nullable()).optional(),
  batch_shape: z.array(z.number().nullable()).optional(),
});

/** A graph's input, as protocol buffers are written in JSON. */
const Placeholder = z.object({
  op: z.literal("Placeholder"),
  attr: z.object({
    shape: z.object({
      shape: z.object({ dim: z.array(z.object({ size: z.coerce.number().default(-1) })) }),
    }),
  }),
});

/** The first shape of four sides anywhere in the description of a net. */
function shapeIn(value: unknown): readonly unknown[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { batch_input_shape, batch_shape } = Layer.safeParse(value).data ?? {};
  const placeholder = Placeholder.safeParse(value).data;
  const dims = placeholder?.attr.shape.shape.dim.map(({ size }) => size);
  const shape = batch_input_shape ?? batch_shape ?? dims;
  if (shape?.length === 4) return shape;
  for (const part of Object.values(value)) {
    const found = shapeIn(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function onnxShape(entry: string): Promise<readonly unknown[] | undefined> {
  try {
    const { InferenceSession } = await import("onnxruntime-node");
    const session = await InferenceSession.create(entry, {
      logSeverityLevel: 3,
      graphOptimizationLevel: "disabled", // nothing is run
    });
    try {
      const [input] = session.inputMetadata;
      return input?.isTensor ? input.shape : undefined;
    } finally {
      await session.release();
    }
  } catch (error) {
    throw new ModelError(`cannot read "${entry}": ${faultOf(error)}`);
  }
}
