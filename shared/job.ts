/**
 * A job: one request to run one model on one or more images.
 *
 * Owns the job's identity, its states and the record that clients read. Never touches Redis.
 * Invariant: a job reaches exactly one of the final states, and never leaves it.
 *
 * ```text
 * queued ─► running ─► succeeded | failed
 *    └─────────┴────► cancelled | expired
 * ```
 *
 * @module
 */
import type { Fault } from "./errors.ts";
import type { Shape } from "./tensor.ts";

/** `SHARD-UUID`: where the job lives, and 122 random bits that cannot be guessed. */
export type JobId = string & { readonly __brand: "JobId" };

const JOB_ID = /^(0|[1-9]\d{0,3})-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Makes a new id on a shard. */
export function newJobId(shard: number, uuid: () => string): JobId {
  return `${shard}-${uuid()}` as JobId;
}

/** The id that a job has on another shard. */
export function movedTo(id: JobId, shard: number): JobId {
  return newJobId(shard, () => uuidOf(id));
}

/** What of an id is the same on every shard. */
export function uuidOf(id: JobId): string {
  return id.slice(id.indexOf("-") + 1);
}

/** Takes a text for an id where it has the form of one. */
export function parseJobId(text: string): JobId | undefined {
  return JOB_ID.test(text) ? text as JobId : undefined;
}

/** The shard that holds the job's record. */
export function shardOf(id: JobId): number {
  return Number(id.slice(0, id.indexOf("-")));
}

/** Longest time to a deadline, whoever sets it: a day. */
export const TIMEOUT_MAX_MS = 86_400_000;

/**
 * Bytes of the numbers with which all of a job's images are answered, as float32: Redis holds them
 * with the job's record, and a gateway is busy with nothing else while it prints them.
 */
export const ANSWERS_BYTES_MAX = 1_048_576;

/** States that a job leaves again. */
export const LIVE_STATES = ["queued", "running"] as const;
/** States that are written once, by whoever is first. */
export const FINAL_STATES = ["succeeded", "failed", "cancelled", "expired"] as const;

export type FinalState = (typeof FINAL_STATES)[number];
export type JobState = (typeof LIVE_STATES)[number] | FinalState;

/** Says whether the job's outcome is known. */
export function isFinal(state: JobState): state is FinalState {
  return (FINAL_STATES as readonly string[]).includes(state);
}

/** One class the model sees, with its probability from 0 to 1. */
export interface Prediction {
  readonly label: string;
  readonly probability: number;
}

/** The classes of one image, most probable first. */
export interface ClassesAnswer {
  readonly predictions: readonly Prediction[];
}

/** The row of numbers that stands for one image. */
export interface EmbeddingAnswer {
  readonly embedding: Float32Array;
}

/** Whatever else a network makes of one image: numbers row by row, with their shape. */
export interface TensorAnswer {
  readonly tensor: { readonly shape: Shape; readonly data: Float32Array };
}

/** What a model answers one image with; all of a model are of one kind. */
export type ImageAnswer = ClassesAnswer | EmbeddingAnswer | TensorAnswer;

/** The classes of an answer; none where it is of another kind. */
export function classesOf(answer: ImageAnswer | undefined): readonly Prediction[] {
  return answer !== undefined && "predictions" in answer ? answer.predictions : [];
}

/** Where a job's time went, in milliseconds, and with whom; stages not reached are absent. */
export interface Timings {
  /** From acceptance to the first begun attempt, by Redis' clock. */
  readonly queueMs?: number;
  /** Decoding and resizing of all the job's images, by the worker's monotonic clock. */
  readonly decodeMs?: number;
  /** For the model, with images decoded. */
  readonly waitMs?: number;
  /** The model's run on the batches that held the job's images. */
  readonly inferMs?: number;
  /**
   * Images in a batch with the job's own: their harmonic mean, so that images over it is the number
   * of batches.
   */
  readonly batchImages?: number;
  /** From acceptance to the outcome, by Redis' clock. */
  readonly totalMs?: number;
}

/** What Redis knows of a job. Times are milliseconds of Redis' clock since 1970 (UTC). */
export interface JobRecord {
  readonly id: JobId;
  /** Name of the API key that it was submitted with; empty where there was none. */
  readonly owner: string;
  readonly model: string;
  /** Of the model that answered, where it succeeded; of its last attempt, where several did. */
  readonly version?: string;
  readonly state: JobState;
  readonly createdAt: number;
  readonly deadlineAt: number;
  /** When the record was read, where that was said with it. */
  readonly readAt?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** Attempts begun by workers. */
  readonly attempts: number;
  readonly images: { readonly total: number; readonly done: number };
  /** Answers of the first images, in order: of all, where it succeeded. */
  readonly results?: readonly ImageAnswer[];
  readonly error?: Fault;
  readonly timings: Timings;
  /** The trace that it is part of, if any. */
  readonly traceparent?: string;
}

/** An image as it came in: bytes of one of the accepted formats, or a tensor in its place. */
export interface JobImage {
  readonly bytes: Uint8Array;
}

/** What a gateway asks to be done. */
export interface NewJob {
  readonly id: JobId;
  /** Name of the API key that asks; empty where there is none. */
  readonly owner: string;
  readonly model: string;
  /** The version of it that is to answer; any where absent. */
  readonly version?: string;
  /** Number of predictions an image, or the model's own where absent. */
  readonly top?: number;
  readonly images: readonly JobImage[];
  /** Time to the deadline, from the moment Redis accepts the job. */
  readonly timeoutMs: number;
  /** How long the record outlives the deadline. */
  readonly keepMs: number;
  /** The longest time that the jobs before it may take, by estimate; any where absent. */
  readonly waitMaxMs?: number;
  readonly traceparent?: string;
  readonly idempotency?: Idempotency;
  /** The job of the dead letter that it is made of. */
  readonly replayOf?: JobId;
}

/** The record that a job has when it is accepted. */
export function queuedRecord(
  { id, owner, model, images, timeoutMs, traceparent }: NewJob,
  createdAt: number,
): JobRecord {
  return {
    id,
    owner,
    model,
    state: "queued",
    createdAt,
    deadlineAt: createdAt + timeoutMs,
    attempts: 0,
    images: { total: images.length, done: 0 },
    timings: {},
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** What makes a repeated request the same request. */
export interface Idempotency {
  /** Digest of the client's key and its owner, hexadecimal. */
  readonly digest: string;
  /** Digest of everything that the client asked for, hexadecimal. */
  readonly fingerprint: string;
}

/** Sum of the image bytes: what admission counts. */
export function bytesOf(images: readonly JobImage[]): number {
  return images.reduce((sum, image) => sum + image.bytes.byteLength, 0);
}
