/**
 * A model as workers announce it and gateways describe it.
 *
 * @module
 */
import { z } from "zod";
import { TIMEOUT_MAX_MS } from "./job.ts";

/** Greatest number of predictions an image, of a model and of a request. */
export const TOP_MAX = 100;

/** How long a model is offered after its last worker: as long as a job could wait for the next. */
export const MODEL_KEEP_MS = TIMEOUT_MAX_MS;

/** Greatest side of a model's input, in pixels: bounds the memory one image can ask for. */
export const INPUT_SIDE_MAX = 4096;

/** What makes probabilities of a network's answer. */
export const ACTIVATIONS = ["none", "softmax"] as const;

/** What a model answers an image with: its classes, a row of numbers, or numbers of any shape. */
export const OUTPUT_KINDS = ["classes", "embedding", "tensor"] as const;

/** Schema of the card, as it is stored in Redis. */
export const ModelCardSchema = z.object({
  name: z.string(),
  version: z.string(),
  default: z.boolean(),
  engine: z.string(),
  input: z.object({ width: z.number(), height: z.number() }),
  /** `shape`: of one image's output; workers from before there were kinds do not tell it. */
  output: z.object({ kind: z.enum(OUTPUT_KINDS), shape: z.array(z.number()) })
    .default({ kind: "classes", shape: [] }),
  /** Of classes: the number of predictions an image where the request names none. */
  top: z.number(),
  labels: z.array(z.string()),
});

/** What a client may know of a model. */
export type ModelCard = z.infer<typeof ModelCardSchema>;
