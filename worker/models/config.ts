/**
 * What `weir.json` may say, checked strictly: an unknown field is an error, never ignored.
 *
 * Owns the schema of a model's settings and the defaults behind it. Never reads a file.
 * Invariant: every value that leaves this module has passed the schema.
 *
 * @module
 */
import { z } from "zod";
import { ACTIVATIONS, INPUT_SIDE_MAX, OUTPUT_KINDS, TOP_MAX } from "../../shared/model_card.ts";

/** Folder of a version: a whole number without leading zeros, so that no two are the same. */
export const VERSION = /^(0|[1-9]\d{0,14})$/;

const Triple = z.tuple([z.number(), z.number(), z.number()]);

/** How eight-bit samples become the model's numbers. */
const Scale = z.union([
  z.enum(["minus1to1", "0to1", "0to255", "caffe"]),
  z.strictObject({
    mean: Triple,
    std: Triple.refine((std) => std.every((s) => s !== 0), "expected no 0"),
  }),
], {
  // A union's own message says nothing but "Invalid input".
  error: 'expected one of "minus1to1"|"0to1"|"0to255"|"caffe" or ' +
    '{"mean": [r, g, b], "std": [r, g, b]}',
});

const Side = z.int().min(1).max(INPUT_SIDE_MAX);

const InputSpecSchema = z.strictObject({
  width: Side,
  height: Side,
  fit: z.enum(["fill", "cover", "contain"]).default("fill"),
  kernel: z.enum(["nearest", "bilinear", "bicubic", "lanczos3"]).default("bilinear"),
  channels: z.enum(["rgb", "bgr"]).default("rgb"),
  scale: Scale.default("0to1"),
});

const OutputFields = z.strictObject({
  kind: z.enum(OUTPUT_KINDS).default("classes"),
  activation: z.enum(ACTIVATIONS).default("none"),
  top: z.int().min(1).max(TOP_MAX).optional(),
  firstLabel: z.int().min(0).optional(),
});

const RolloutSchema = z.strictObject({
  version: z.string().regex(VERSION, 'expected the number of a version, such as "2"'),
  percent: z.number().min(0).max(100),
});

/** What would be ignored is refused. */
const OutputSpecSchema = OutputFields.superRefine(({ kind, activation, ...of }, { addIssue }) => {
  if (kind === "classes") return;
  const { top, firstLabel } = of;
  const given = { top, firstLabel, ...(activation !== "none" && { activation }) };
  for (const [field, value] of Object.entries(given)) {
    if (value !== undefined) addIssue({ code: "custom", path: [field], message: ofClasses(kind) });
  }
}).transform(({ top = 5, firstLabel = 0, ...output }) => ({ ...output, top, firstLabel }));

function ofClasses(kind: string): string {
  return `is for classes alone, "output.kind" is "${kind}"`;
}

/** Schema of a model's `weir.json`. */
export const ModelConfigSchema = z.strictObject({
  default: z.boolean().default(false),
  labels: z.string().min(1).optional(),
  input: InputSpecSchema,
  output: OutputSpecSchema.prefault({}),
  rollout: RolloutSchema.optional(),
  sha256: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)).optional(),
}).superRefine(({ labels, output: { kind } }, { addIssue }) => {
  if (labels === undefined || kind === "classes") return;
  addIssue({ code: "custom", path: ["labels"], message: ofClasses(kind) });
});

/** Fields by the object they are in, so that an unknown one can be answered with the nearest. */
export const MODEL_CONFIG_FIELDS: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(ModelConfigSchema.shape),
  "input": Object.keys(InputSpecSchema.shape),
  "output": Object.keys(OutputFields.shape),
  "rollout": Object.keys(RolloutSchema.shape),
};

/** A model's settings, defaults filled in. */
export type ModelConfig = z.infer<typeof ModelConfigSchema>;

/** How a photo becomes the model's input: shape `[height, width, 3]`, float32. */
export type InputSpec = ModelConfig["input"];

/** How the model's output becomes an answer. */
export type OutputSpec = ModelConfig["output"];
