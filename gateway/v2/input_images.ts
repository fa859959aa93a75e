/**
 * The input of an inference request, made the images of a job.
 *
 * Owns what a model takes: the shapes, and the numbers of a tensor. Never judges a photo.
 * Invariant: every number of a tensor that is let in is one that a photo could have become, or
 * near enough to be no trouble for a network.
 *
 * @module
 */
import type { ModelCard } from "../../shared/model_card.ts";
import { packTensor, type Shape, sizeOf } from "../../shared/tensor.ts";
import { IMAGES_MAX } from "../intake/images.ts";
import type { Result } from "../jobs.ts";
import { unpackElements } from "./byte_elements.ts";
import type { SentTensor } from "./infer_request.ts";
import { DATATYPES, imageShape } from "./model_tensors.ts";

/**
 * Greatest number in a tensor, float16's. Preprocessed photos stay below some hundreds; far beyond,
 * the sums in a network overflow and its answer is no number.
 */
const VALUE_MAX = 65_504;

const VALUE_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Makes a job's images of an input: files that nobody has judged, or tensors that are fit. */
export function imagesOf(input: SentTensor, card: ModelCard): Result<readonly Uint8Array[]> {
  const { name, datatype, shape } = input;
  if (datatype !== DATATYPES[name]) {
    return refused(input, `its datatype is "${datatype}", expected "${DATATYPES[name]}"`);
  }
  const each = name === "image" ? [] : imageShape(card);
  const [count = 0, ...rest] = shape;
  if (rest.join() !== each.join() || count < 1 || count > IMAGES_MAX) {
    const wanted = `[${["n", ...each].join(", ")}] with n from 1 to ${IMAGES_MAX}`;
    return refused(input, `its shape is [${shape.join(", ")}], expected ${wanted}`);
  }
  return name === "image" ? files(input, count) : tensors(input, count, each);
}

function files(input: SentTensor, count: number): Result<readonly Uint8Array[]> {
  const { data } = input;
  if (data instanceof Uint8Array) {
    const read = unpackElements(data, count);
    return read.ok ? { ok: true, value: read.elements } : refused(input, read.state);
  }
  if (data.length !== count) return refused(input, `${data.length} elements, expected ${count}`);
  const images = data.map(fromBase64).filter((image) => image !== undefined);
  if (images.length === count) return { ok: true, value: images };
  return refused(input, `an element of its data is not base64`);
}

function fromBase64(text: unknown): Uint8Array | undefined {
  try {
    return typeof text === "string" ? Uint8Array.fromBase64(text) : undefined;
  } catch {
    return undefined;
  }
}

function tensors(input: SentTensor, count: number, each: Shape): Result<readonly Uint8Array[]> {
  const bytes = input.data instanceof Uint8Array ? input.data : fromNumbers(input.data, each);
  if (bytes === undefined) return refused(input, "an element of its data is not a number");
  const length = sizeOf(each) * VALUE_BYTES;
  if (bytes.length !== count * length) {
    const wanted = `${count * length / VALUE_BYTES} numbers of ${VALUE_BYTES} bytes`;
    return refused(input, `${bytes.length} bytes of numbers, expected ${wanted}`);
  }
  if (!areFit(bytes)) {
    return refused(input, `a number in it is not from -${VALUE_MAX} to ${VALUE_MAX}`);
  }
  const images = Array.from(
    { length: count },
    (_, i) => packTensor(bytes.subarray(i * length, (i + 1) * length), each),
  );
  return { ok: true, value: images };
}

/** JSON's numbers as float32; undefined where something else is among them. */
function fromNumbers(data: readonly unknown[], { length: depth }: Shape): Uint8Array | undefined {
  const values = data.flat(depth);
  if (!values.every((value) => typeof value === "number")) return undefined;
  return new Uint8Array(Float32Array.from(values).buffer);
}

function areFit(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += VALUE_BYTES) {
    // What is no number is not within any bounds.
    if (!(Math.abs(view.getFloat32(at, true)) <= VALUE_MAX)) return false;
  }
  return true;
}

function refused({ name }: SentTensor, state: string): Result<never> {
  return { ok: false, code: "invalid_request", detail: `read input "${name}": ${state}` };
}
