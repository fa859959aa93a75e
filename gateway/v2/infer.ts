/**
 * Inference over the Open Inference Protocol: a tensor in, tensors out.
 *
 * Has no way of its own through the queue: a request is a job as any other.
 *
 * @module
 */
import { z } from "zod";
import type { ModelCard } from "../../shared/model_card.ts";
import { ANSWER_PROBLEMS, answersOf, JOB_ID, naming } from "../answers.ts";
import type { Catalog } from "../catalog.ts";
import type { Jobs, Result } from "../jobs.ts";
import type { Caller } from "../keys/caller.ts";
import {
  numberTo,
  SUBMIT_HEADERS,
  type SubmitParameters,
  submitParameters,
} from "../parameters.ts";
import { problemResponse } from "../problem.ts";
import { json, type Route, route } from "../route.ts";
import type { Submitter } from "../submitter.ts";
import {
  type InferRequest,
  InferRequestSchema,
  parseInferRequest,
  type SentTensor,
} from "./infer_request.ts";
import {
  inferResponse,
  InferResponseSchema,
  JSON_BYTES_HEADER,
  outputsOf,
} from "./infer_response.ts";
import { imagesOf } from "./input_images.ts";
import { atModel, wrongVersion } from "./model_place.ts";

export interface InferParts {
  readonly catalog: Catalog;
  readonly jobs: Jobs;
  readonly submitter: Submitter;
}

/** More than any body has. */
const JSON_BYTES_MAX = 999_999_999;

const JSON_BYTES = "How many bytes of the body are its JSON, if bytes of tensors follow it";

const HEADERS = {
  [JSON_BYTES_HEADER]: numberTo(JSON_BYTES_MAX).optional().meta({ description: JSON_BYTES }),
  "Content-Encoding": z.string().optional().meta({ description: "`gzip` or `deflate`" }),
  ...SUBMIT_HEADERS,
};

/** A request that is to become a job, its body unread. */
interface Asked {
  readonly request: Request;
  readonly caller: Caller;
  readonly headers: z.output<z.ZodObject<typeof HEADERS>>;
}

export function inferRoutes({ catalog, jobs, submitter }: InferParts): Route[] {
  return atModel(({ path, suffix, params }) =>
    route({
      method: "POST",
      path: `${path}/infer`,
      id: `infer${suffix}`,
      summary: "Run a model and wait for the answer",
      description: "Each image of the input counts as one of a job's. A client that disconnects " +
        "cancels its job, as at `/predict`.",
      params,
      headers: HEADERS,
      body: {
        required: true,
        description: "JSON, followed by the bytes of the input if it announces any.",
        content: {
          "application/json": { schema: InferRequestSchema },
          "application/octet-stream": {},
        },
      },
      answers: {
        200: {
          description: "What the model sees: JSON, followed by the bytes of its binary outputs",
          headers: z.object({
            [JSON_BYTES_HEADER]: z.int().optional().meta({ description: JSON_BYTES }),
            ...JOB_ID.shape,
          }),
          content: {
            ...json("", InferResponseSchema).content,
            "application/octet-stream": {},
          },
        },
      },
      problems: ANSWER_PROBLEMS,
      handle: async ({ params, ...asked }) => {
        const model = await jobs.model(asked.caller, params.name);
        if (!model.ok) return problemResponse(model);
        const wrong = await wrongVersion(catalog, model.value, params.version);
        if (wrong !== undefined) return problemResponse(wrong);
        const read = await readRequest(submitter, asked);
        if (!read.ok) return problemResponse(read);
        const outputs = outputsOf(read.value, model.value);
        if (!outputs.ok) return problemResponse(outputs);
        const images = judgedImages(submitter, read.value.input, model.value);
        if (!images.ok) return problemResponse(images);
        const { version } = params;
        const parameters = { ...parametersOf(asked, read.value, model.value), version };
        const accepted = await jobs.submit(asked.caller, images.value, parameters, false);
        if (!accepted.ok) return problemResponse(accepted);
        using job = accepted.value;
        const answered = await answersOf(jobs, job, asked.request.signal);
        if (!answered.ok) return naming(job, problemResponse(answered));
        const answer = { id: read.value.id, outputs: outputs.value };
        return naming(job, inferResponse(answer, model.value, answered.value));
      },
    })
  );
}

async function readRequest(
  submitter: Submitter,
  { request, headers }: Asked,
): Promise<Result<InferRequest>> {
  const body = await submitter.read(request, headers["Content-Encoding"]);
  return body.ok ? parseInferRequest(body.bytes, headers[JSON_BYTES_HEADER]) : body;
}

function judgedImages(
  submitter: Submitter,
  input: SentTensor,
  card: ModelCard,
): Result<readonly Uint8Array[]> {
  const images = imagesOf(input, card);
  return images.ok && input.name === "image" ? submitter.judge(images.value) : images;
}

/** What the body says goes before what the headers say. */
function parametersOf(
  { headers }: Asked,
  { top, timeoutMs }: InferRequest,
  { name: model }: ModelCard,
): SubmitParameters {
  const parameters = submitParameters({ query: { model, top }, headers });
  return { ...parameters, timeoutMs: timeoutMs ?? parameters.timeoutMs };
}
