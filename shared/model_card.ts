/**
 * A model as workers announce it and gateways describe it.
 *
 * @module
 */
import { z } from "zod";

/** Greatest number of predictions an image, of a model and of a request. */
export const TOP_MAX = 100;

/** Schema of the card, as it is stored in Redis. */
export const ModelCardSchema = z.object({
  name: z.string(),
  version: z.string(),
  default: z.boolean(),
  engine: z.string(),
  input: z.object({ width: z.number(), height: z.number() }),
  /** Number of predictions an image where the request names none. */
  top: z.number(),
  labels: z.array(z.string()),
});

/** What a client may know of a model. */
export type ModelCard = z.infer<typeof ModelCardSchema>;
