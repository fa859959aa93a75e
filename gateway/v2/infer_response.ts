/**
 * The answer to an inference request: JSON, behind which the data of outputs may follow as bytes.
 *
 * Source: the Open Inference Protocol, version 2 (REST), and its extension for binary tensor data.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { classesOf, type ImageAnswer, type TensorAnswer } from "../../shared/job.ts";
import type { ModelCard } from "../../shared/model_card.ts";
import { bytesIn, type Shape } from "../../shared/tensor.ts";
import { numbersOf } from "../answer_view.ts";
import type { Answered } from "../answers.ts";
import type { Result } from "../jobs.ts";
import { fault } from "../problem.ts";
import { packTexts } from "./byte_elements.ts";
import type { InferRequest, WantedOutput } from "./infer_request.ts";
import { ALL_OUTPUTS, DATATYPES, type OutputName, OUTPUTS } from "./model_tensors.ts";

/** Says how long the JSON is, in requests and answers, where bytes follow it. */
export const JSON_BYTES_HEADER = "Inference-Header-Content-Length";

const Output = z.object({
  name: z.enum(ALL_OUTPUTS),
  datatype: z.enum(["BYTES", "FP32"]),
  shape: z.array(z.int()).meta({
    description: "`[n, k]` for k classes of each of n images, else `[n, …]` for numbers",
  }),
  parameters: z.object({ binary_data_size: z.int() }).optional().meta({
    description: "How many of its bytes follow the JSON; then there is no `data`",
  }),
  data: z.array(z.union([z.string(), z.number()])).optional().meta({
    description: "Row by row; the classes of an image with the most probable first",
  }),
});

/** The JSON of an answer. */
export const InferResponseSchema = z.object({
  id: z.string().optional().meta({ description: "The request's id" }),
  model_name: z.string(),
  model_version: z.string(),
  outputs: z.array(Output),
}).meta({
  id: "InferResponse",
  description: "What the model sees",
  examples: [{
    model_name: "shapes",
    model_version: "1",
    outputs: [
      { name: "labels", datatype: "BYTES", shape: [1, 2], data: ["star", "heart"] },
      { name: "probabilities", datatype: "FP32", shape: [1, 2], data: [0.99, 0.01] },
    ],
  }],
});

/** The outputs that a request wants of a model: all, or those that it names. */
export function outputsOf(
  { outputs, binary }: Pick<InferRequest, "outputs" | "binary">,
  { name: model, output: { kind } }: ModelCard,
): Result<readonly WantedOutput[]> {
  const names: readonly OutputName[] = OUTPUTS[kind];
  if (outputs.length === 0) return { ok: true, value: names.map((name) => ({ name, binary })) };
  const other = outputs.find(({ name }) => !names.includes(name));
  if (other === undefined) return { ok: true, value: outputs };
  const gives = names.map((name) => `"${name}"`).join(" and ");
  const detail = `read output "${other.name}": model "${model}" gives ${gives}`;
  return { ok: false, ...fault("invalid_request", detail) };
}

/** Makes the answer of a job's, one an image. */
export function inferResponse(
  { id, outputs }: { readonly id: string | undefined; readonly outputs: readonly WantedOutput[] },
  { name, version: served }: ModelCard,
  { answers, version = served }: Answered,
): Response {
  const tensors = outputs.map((output) => tensorOf(output, answers));
  const json = {
    ...(id !== undefined && { id }),
    model_name: name,
    model_version: version,
    outputs: tensors.map(({ json }) => json),
  };
  const binary = tensors.flatMap(({ bytes }) => bytes ?? []);
  if (binary.length === 0) return Response.json(json);
  const head = new TextEncoder().encode(JSON.stringify(json));
  return new Response(Buffer.concat([head, ...binary]), {
    headers: {
      "content-type": "application/octet-stream",
      [JSON_BYTES_HEADER]: String(head.length),
    },
  });
}

interface SentOutput {
  readonly json: z.output<typeof Output>;
  /** What follows the JSON. */
  readonly bytes?: Uint8Array;
}

/** What an output holds of all images, one after the other. */
interface OutputValues {
  readonly shape: Shape;
  readonly values: Float32Array | readonly string[];
}

function tensorOf({ name, binary }: WantedOutput, answers: readonly ImageAnswer[]): SentOutput {
  const { shape, values } = valuesOf(name, answers);
  const json = { name, datatype: DATATYPES[name], shape: [...shape] };
  const isNumbers = values instanceof Float32Array;
  if (!binary) return { json: { ...json, data: isNumbers ? numbersOf(values) : [...values] } };
  const bytes = isNumbers ? bytesIn(values) : packTexts(values);
  return { json: { ...json, parameters: { binary_data_size: bytes.length } }, bytes };
}

function valuesOf(name: OutputName, answers: readonly ImageAnswer[]): OutputValues {
  if (name === "embedding" || name === "tensor") return joined(answers.map(numbersIn));
  const classes = answers.flatMap(classesOf);
  const shape = [answers.length, classes.length / answers.length];
  return name === "labels"
    ? { shape, values: classes.map(({ label }) => label) }
    : { shape, values: Float32Array.from(classes, ({ probability }) => probability) };
}

/** Images' numbers as those of a batch. */
function joined(images: readonly TensorAnswer["tensor"][]): OutputValues {
  const [{ shape, data: { length } }] = images as [TensorAnswer["tensor"]];
  const values = new Float32Array(images.length * length);
  images.forEach(({ data }, i) => values.set(data, i * length));
  return { shape: [images.length, ...shape], values };
}

function numbersIn(answer: ImageAnswer): TensorAnswer["tensor"] {
  if ("tensor" in answer) return answer.tensor;
  const data = "embedding" in answer ? answer.embedding : new Float32Array();
  return { shape: [data.length], data };
}
