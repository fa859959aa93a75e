/**
 * The answer to an inference request: JSON, behind which the data of outputs may follow as bytes.
 *
 * Source: the Open Inference Protocol, version 2 (REST), and its extension for binary tensor data.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { z } from "zod";
import type { ImageAnswer } from "../../shared/job.ts";
import type { ModelCard } from "../../shared/model_card.ts";
import type { Answered } from "../answers.ts";
import { packTexts } from "./byte_elements.ts";
import type { InferRequest, WantedOutput } from "./infer_request.ts";
import { DATATYPES, OUTPUTS } from "./model_tensors.ts";

/** Says how long the JSON is, in requests and answers, where bytes follow it. */
export const JSON_BYTES_HEADER = "Inference-Header-Content-Length";

const Output = z.object({
  name: z.enum(OUTPUTS),
  datatype: z.enum(["BYTES", "FP32"]),
  shape: z.array(z.int()).meta({ description: "`[n, k]`: k predictions for each of n images" }),
  parameters: z.object({ binary_data_size: z.int() }).optional().meta({
    description: "Number of its bytes behind the JSON; then there is no `data`",
  }),
  data: z.array(z.union([z.string(), z.number()])).optional().meta({
    description: "Row by row, an image's predictions from the most probable on",
  }),
});

/** The JSON of an answer. */
export const InferResponseSchema = z.object({
  id: z.string().optional().meta({ description: "The request's" }),
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

/** Makes the answer of a job's, one an image. */
export function inferResponse(
  { id, outputs }: Pick<InferRequest, "id" | "outputs">,
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

function tensorOf({ name, binary }: WantedOutput, answers: readonly ImageAnswer[]): SentOutput {
  const predictions = answers.flatMap(({ predictions }) => predictions);
  const shape = [answers.length, predictions.length / answers.length];
  const json = { name, datatype: DATATYPES[name], shape };
  const labels = predictions.map(({ label }) => label);
  const probabilities = predictions.map(({ probability }) => probability);
  if (!binary) return { json: { ...json, data: name === "labels" ? labels : probabilities } };
  const bytes = name === "labels"
    ? packTexts(labels)
    : new Uint8Array(Float32Array.from(probabilities).buffer);
  return { json: { ...json, parameters: { binary_data_size: bytes.length } }, bytes };
}
