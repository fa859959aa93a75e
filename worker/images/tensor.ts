/**
 * A tensor in the place of an image: numbers as the network takes them, to be read, not decoded.
 *
 * Never judges the numbers: that has been done where the tensor was let in.
 *
 * @module
 */
import { unpackTensor } from "../../shared/tensor.ts";
import type { InputSpec } from "../models/config.ts";
import type { Decoded } from "./decode.ts";

/**
 * Reads a tensor for a model.
 *
 * @returns the numbers, or the fault `invalid_request` where the model's input has another shape:
 * it was another version's when the tensor was let in
 */
export function readTensor(bytes: Uint8Array, { width, height }: InputSpec): Decoded {
  const shape = [height, width, 3];
  const pixels = unpackTensor(bytes, shape);
  if (pixels !== undefined) return { ok: true, pixels };
  const detail = `read tensor: expected the shape of the model's input, [${shape.join(", ")}]`;
  return { ok: false, code: "invalid_request", detail };
}
