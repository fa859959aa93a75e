/**
 * A job's story: what happened to it, written down by whoever did it, in the step that did it.
 *
 * Owns the words of the story, which are also those that Redis has. Never says how it is told to
 * people: that is the gateway's.
 * Invariant: the order of the facts is the order in which Redis carried the steps out.
 *
 * @module
 */
import { z } from "zod";
import type { JobId, JobRecord } from "./job.ts";

/** Mates of a batch that are named: enough to look at one, and no record grows with the batch. */
export const MATES_NAMED_MAX = 4;

/** Batches of one attempt that are told one by one. */
export const BATCHES_TOLD_MAX = 4;

const Ms = z.number();

/** One run of a model, as far as it was one job's. */
export const BatchRun = z.object({
  number: z.int().meta({ description: "Counts the batches of its worker" }),
  images: z.int().meta({ description: "Images in it, the mates' included" }),
  jobs: z.int().meta({ description: "Jobs in it" }),
  mates: z.array(z.string()).meta({ description: `Other jobs in it, ${MATES_NAMED_MAX} at most` }),
  ms: Ms.meta({ description: "How long it ran" }),
  again: z.literal(true).optional().meta({
    description: "The model failed on the batch; its images ran once more, one by one",
  }),
}).meta({ id: "BatchRun", description: "One run of the model" });

/** What an attempt did, by its worker's monotonic clock; stages not reached are absent. */
export const Work = z.object({
  version: z.string().optional().meta({ description: "Version of the model" }),
  beginMs: Ms.meta({ description: "Until Redis answered that the attempt is begun" }),
  decodeMs: Ms.optional().meta({ description: "Decoding, waiting for a decoder included" }),
  waitMs: Ms.optional().meta({ description: "Decoded, until its first batch ran" }),
  inferMs: Ms.optional().meta({ description: "From its first batch to the end of its last" }),
  batches: z.array(BatchRun).meta({ description: `The first ${BATCHES_TOLD_MAX}` }),
}).meta({ id: "Work", description: "What an attempt did, by its worker's clock" });

export type BatchRun = Readonly<z.output<typeof BatchRun>>;
export type Work = Readonly<z.output<typeof Work>>;

/** How often the entry had been delivered by then, this time included: a claim counts as well. */
const Delivery = z.int();

const Began = z.object({
  kind: z.literal("began"),
  worker: z.string(),
  attempt: z.int(),
  delivery: Delivery,
  /** Index of the first image that was left to be answered. */
  from: z.int(),
});

const PutOff = z.object({
  kind: z.literal("put_off"),
  worker: z.string(),
  delayMs: Ms,
  work: Work.optional(),
});

/** A delivery was queued again because its worker will not do it. */
const HandedBack = z.object({ kind: z.literal("handed_back"), worker: z.string() });

/** A worker met the entry when the job was over, and removed it. */
const Dropped = z.object({
  kind: z.literal("dropped"),
  worker: z.string(),
  /** Absent where it was to be handed back. */
  delivery: Delivery.optional(),
});

/** From here on, only the end was kept. */
const More = z.object({ kind: z.literal("more") });

const Ended = z.object({
  kind: z.literal("ended"),
  state: z.enum(["succeeded", "failed", "cancelled", "expired"]),
  /** Name of the process that ended it. */
  by: z.string(),
  role: z.enum(["worker", "gateway", "maintenance"]),
  why: z.enum(["asked", "client_left", "too_few_replicas"]).optional(),
  /** Whether it was kept as a dead letter. */
  dead: z.literal(true).optional(),
  /** Where a worker met the entry past its deadline. */
  delivery: Delivery.optional(),
  work: Work.optional(),
});

export const Fact = z.discriminatedUnion("kind", [
  Began,
  PutOff,
  HandedBack,
  Dropped,
  More,
  Ended,
]);
export type Fact = Readonly<z.output<typeof Fact>>;
export type Ended = Readonly<z.output<typeof Ended>>;
export type Began = Readonly<z.output<typeof Began>>;

/** A fact with its time, in milliseconds of Redis' clock since 1970 (UTC). */
export interface StoryEvent {
  readonly at: number;
  readonly fact: Fact;
}

/** All that is known of one job. */
export interface JobStory {
  readonly record: JobRecord;
  /** Bytes of its images. */
  readonly bytes: number;
  /** The gateway that took it in. */
  readonly gateway: string;
  /** The dead letter that it was made of, where it is a replay. */
  readonly replayOf?: JobId;
  readonly events: readonly StoryEvent[];
  /** Gateways that the outcome was, or is to be, told to. */
  readonly told: readonly string[];
  /** Those of them that could not be told. */
  readonly missed: readonly string[];
  /** When all of this was read, by Redis' clock. */
  readonly readAt: number;
  /** When the record goes, by the same. */
  readonly keptUntil: number;
}
