/**
 * An inference request as it is sent: JSON, behind which the data of tensors may follow as bytes.
 *
 * Owns the request's syntax. Never asks whether a tensor is one that the model takes.
 * Invariant: what is read has its data in exactly one of the two forms.
 *
 * Sources: the Open Inference Protocol, version 2 (REST); its extension for binary tensor data.
 *
 * @module
 */
import { z } from "zod";
// For its members of `meta`.
import type {} from "zod-openapi";
import { TIMEOUT_MAX_MS } from "../../shared/job.ts";
import { TOP_MAX } from "../../shared/model_card.ts";
import type { Result } from "../jobs.ts";
import { ALL_OUTPUTS, INPUTS, type OutputName } from "./model_tensors.ts";

/** Parameters, each known by its name. */
function parameters<S extends z.core.$ZodLooseShape>(
  known: S,
): z.ZodOptional<z.ZodObject<S, z.core.$strict>> {
  const names = Object.keys(known).map((name) => `"${name}"`).join(", ");
  return z.strictObject(known, {
    error: ({ code, keys }) =>
      code === "unrecognized_keys"
        ? `"${keys?.[0]}" is unknown, the known parameters are ${names}`
        : undefined,
  }).optional();
}

const Input = z.object({
  name: z.enum(INPUTS),
  datatype: z.string().meta({ description: "`BYTES` for `image`, `FP32` for `tensor`" }),
  shape: z.array(z.int().min(0)).meta({
    description: "`[n]` for n images, `[n, height, width, 3]` for n tensors",
  }),
  parameters: parameters({
    binary_data_size: z.int().min(0).optional().meta({
      description: "How many of its bytes follow the JSON; then there is no `data`",
    }),
  }),
  data: z.custom<readonly unknown[]>(Array.isArray, "expected array").meta({
    description: "Images in base64; or a tensor's numbers row by row, nested or not",
    override: { type: "array" },
  }).optional(),
});

const Output = z.object({
  name: z.enum(ALL_OUTPUTS).meta({ description: "A model's outputs are in its metadata" }),
  parameters: parameters({
    binary_data: z.boolean().optional().meta({
      description: "Whether its data is to follow the JSON as bytes",
    }),
  }),
});

/** The JSON of a request. */
export const InferRequestSchema = z.object({
  id: z.string().optional().meta({ description: "Repeated in the answer" }),
  parameters: parameters({
    top: z.int().min(1).max(TOP_MAX).optional().meta({
      description:
        "For classes, the most for each image; by default as many as the model is set to",
    }),
    timeout: z.int().min(0).max(TIMEOUT_MAX_MS * 1000).optional().meta({
      description: "The job's deadline in microseconds from now; 0 means the default",
    }),
    binary_data_output: z.boolean().optional().meta({
      description: "The default of each output's `binary_data`",
    }),
  }),
  inputs: z.array(Input).length(1, "expected one input").meta({
    description: "Photos (`image`), or tensors of the model's own shape and scale (`tensor`)",
  }),
  outputs: z.array(Output).refine(
    (outputs) => new Set(outputs.map(({ name }) => name)).size === outputs.length,
    "an output is asked for twice",
  ).optional().meta({ description: "The outputs that are wanted; by default all" }),
}).meta({ id: "InferRequest", description: "What a model is to be run on" });

/** A tensor as it was sent. */
export interface SentTensor {
  readonly name: (typeof INPUTS)[number];
  readonly datatype: string;
  readonly shape: readonly number[];
  /** JSON, or the bytes behind it. */
  readonly data: readonly unknown[] | Uint8Array;
}

/** An output that is wanted, and in which form. */
export interface WantedOutput {
  readonly name: OutputName;
  readonly binary: boolean;
}

/** A request, taken apart. */
export interface InferRequest {
  readonly id: string | undefined;
  readonly top: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly input: SentTensor;
  /** Those that are asked for; none where all are. */
  readonly outputs: readonly WantedOutput[];
  /** Whether outputs that are not asked for by name are to follow the JSON as bytes. */
  readonly binary: boolean;
}

/**
 * Takes a request's body apart.
 *
 * @param jsonBytes `Inference-Header-Content-Length`: how many bytes of the body are its JSON;
 * undefined where all are
 */
export function parseInferRequest(
  body: Uint8Array,
  jsonBytes: number = body.length,
): Result<InferRequest> {
  if (jsonBytes > body.length) {
    return refused(`its JSON should have ${jsonBytes} bytes, the body has ${body.length}`);
  }
  const json = parseJson(body.subarray(0, jsonBytes));
  if (json === undefined) return refused("it is not JSON");
  const read = InferRequestSchema.safeParse(json.value);
  if (!read.success) {
    const { path, message } = read.error.issues[0]!;
    return refused(path.length > 0 ? `"${path.join(".")}": ${message}` : message);
  }
  const { id, parameters, inputs, outputs } = read.data;
  const data = dataOf(inputs[0]!, body.subarray(jsonBytes));
  if (!data.ok) return data;
  const { name, datatype, shape } = inputs[0]!;
  const binary = parameters?.binary_data_output ?? false;
  const wanted = (outputs ?? []).map(({ name, parameters }) => ({
    name,
    binary: parameters?.binary_data ?? binary,
  }));
  return {
    ok: true,
    value: {
      id,
      top: parameters?.top,
      timeoutMs: parameters?.timeout ? Math.ceil(parameters.timeout / 1000) : undefined,
      input: { name, datatype, shape, data: data.value },
      outputs: wanted,
      binary,
    },
  };
}

function parseJson(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
  } catch {
    return undefined;
  }
}

/** A tensor's data, which is either in the JSON or all that follows it. */
function dataOf(
  { name, parameters, data }: z.output<typeof Input>,
  rest: Uint8Array,
): Result<SentTensor["data"]> {
  const size = parameters?.binary_data_size;
  if ((size === undefined) === (data === undefined)) {
    return refused(`input "${name}" needs either "data" or the parameter "binary_data_size"`);
  }
  if (rest.length !== (size ?? 0)) {
    return refused(`${size ?? 0} bytes should follow the JSON, ${rest.length} do`);
  }
  return { ok: true, value: data ?? rest };
}

function refused(state: string): Result<never> {
  return { ok: false, code: "invalid_request", detail: `read inference request: ${state}` };
}
