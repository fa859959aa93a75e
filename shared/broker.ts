/**
 * The ports between the roles and the broker: small, one per user, free of any client library.
 *
 * Owns the words in which gateway, worker and maintenance speak of delivery. Never says how
 * Redis does it: that is the adapter's, in `redis/`.
 * Invariant: an expected result is a value; only a broker that cannot answer throws, and then
 * always {@linkcode BrokerUnavailable}.
 *
 * @module
 */
import type { FinalState, ImageAnswer, JobId, JobRecord, NewJob, Timings } from "./job.ts";
import type { Fault } from "./errors.ts";
import type { ModelCard } from "./model_card.ts";
import type { JobStory, Work } from "./story.ts";

/** The broker did not answer in time, is away, or refuses to serve. */
export class BrokerUnavailable extends Error {
  override readonly name = "BrokerUnavailable";
  /** `full` where it refuses by quota, connections or memory; `away` for everything else. */
  readonly reason: "away" | "full";
  /** True where nothing of the call can have been done. */
  readonly untouched: boolean;

  constructor(
    reason: "away" | "full",
    message: string,
    { untouched = false, ...options }: ErrorOptions & { readonly untouched?: boolean } = {},
  ) {
    super(message, options);
    this.reason = reason;
    this.untouched = untouched;
  }
}

/** Jobs and image bytes admitted and not yet done, of one model. */
export interface Load {
  readonly jobs: number;
  readonly bytes: number;
}

/** Bounds of {@linkcode Load}. */
export interface Admission {
  readonly jobsMax: number;
  readonly bytesMax: number;
}

/**
 * Answer to a submit. `exists`: an earlier try of the same submit got through. `same`: a job with
 * the same idempotency key and body was submitted before. `mismatch`: the same key, another body.
 * `slow`: it would have to wait longer than it may.
 */
export type Submitted =
  | { readonly kind: "queued" | "exists"; readonly createdAt: number }
  | { readonly kind: "mismatch" }
  | { readonly kind: "same"; readonly id: JobId }
  | Full
  | { readonly kind: "slow"; readonly waitMs: number };

/** No room: what is admitted is as much as may be. */
export interface Full {
  readonly kind: "full";
  readonly load: Load;
  /** Time that the jobs before it will take, where it is known how fast they are done. */
  readonly waitMs?: number;
}

/** News of a job as it reaches gateways: its outcome, or how far it has come. */
export interface JobEvent {
  readonly id: JobId;
  /** Its results are those from image `from` on; with the outcome, all that there are. */
  readonly record: JobRecord;
  readonly from: number;
}

/** What a gateway wants to be told of a job. */
export interface Attachment {
  readonly id: JobId;
  /** Whether also of how far it has come, not of its outcome alone. */
  readonly progress: boolean;
}

/** What a gateway does with jobs. */
export interface JobQueue {
  /** Number of shards that jobs are spread over; a job's id names its shard. */
  readonly shards: number;
  /** Accepts a job, or says why not. This gateway's feed will be told of the outcome. */
  submit(job: NewJob): Promise<Submitted>;
  /** Reads a record; undefined where there is none (any more). */
  get(id: JobId): Promise<JobRecord | undefined>;
  /**
   * Reads records and has this gateway's feed told of what comes after them, each in one atomic
   * step; all of a shard in one round trip, so they are to be few hundreds.
   *
   * @returns the records in the order in which they were asked for
   */
  attach(asked: readonly Attachment[]): Promise<(JobRecord | undefined)[]>;
  /**
   * Ends a job that has no outcome yet: `expired` only past its deadline.
   *
   * @returns the record as it is then; undefined where there is none (any more)
   */
  conclude(id: JobId, state: "cancelled" | "expired"): Promise<JobRecord | undefined>;
  /** Cancels a job for which nobody waits at another gateway. */
  abandon(id: JobId): Promise<void>;
  /** Reads all that is known of a job; undefined where there is no record (any more). */
  story(id: JobId): Promise<JobStory | undefined>;
}

/** What a feed yields: news of jobs, `ours` where this gateway took them in, or a `gap` in it. */
export type FeedItem =
  | { readonly kind: "event"; readonly event: JobEvent; readonly ours: boolean }
  | { readonly kind: "gap"; readonly shard: number; readonly reason: string };

/** The news that this gateway waits for, of one shard. */
export interface ResultFeed {
  /** Yields until aborted; reconnects by itself and says `gap` when it did. */
  items(signal: AbortSignal): AsyncIterable<FeedItem>;
}

/** A queue of its own for some API keys' jobs for a model, so that others' do not hold them up. */
export interface Lane {
  readonly model: string;
  /** From 0. */
  readonly lane: number;
}

/** One delivery of a job to this worker. */
export interface Delivery extends Lane {
  readonly id: JobId;
  readonly shard: number;
  /** Id of the stream's entry. */
  readonly entry: string;
  /** The version that is asked for by its number. */
  readonly version?: string;
  readonly top?: number;
  readonly images: readonly Uint8Array[];
  readonly bytes: number;
  readonly traceparent?: string;
}

/**
 * Whether a delivery is to be run. `drop`: nothing to do, and already acknowledged (cancelled,
 * finished or unknown job, a second copy). `lost`: another worker owns it now. `expired`: its
 * deadline has passed, settle it so. `spent`: it has been begun as often as it may, bury it.
 */
export type Verdict =
  | {
    readonly kind: "run";
    readonly attempt: number;
    readonly tell: string;
    /** How many of its images an earlier attempt has answered for good, where any. */
    readonly done?: number;
    /** How long it was queued; absent where another worker had begun it and fell silent. */
    readonly waitedMs?: number;
    /** Time since the job was accepted. */
    readonly ageMs: number;
  }
  | {
    readonly kind: "expired";
    readonly tell: string;
    /** How often the entry has been delivered. */
    readonly delivery: number;
  }
  | { readonly kind: "spent"; readonly tell: string; readonly attempts: number }
  | { readonly kind: "drop"; readonly reason: DropReason }
  | { readonly kind: "lost" };

/**
 * Why nobody wants an entry to be run. `refused`: the request was answered without a job of its own,
 * and its gateway is taking the entry back. `duplicate`: the job is bound to another entry. `gone`:
 * there is no record (any more). Else the job is over.
 */
export type DropReason = FinalState | "refused" | "duplicate" | "gone";

/** How a worker's attempt ended. */
export type Outcome =
  | {
    readonly state: "succeeded";
    /** Of all the images that this attempt was to answer, in order. */
    readonly results: readonly ImageAnswer[];
    /** Of the model. */
    readonly version?: string;
    readonly timings: Timings;
  }
  | { readonly state: "failed"; readonly error: Fault; readonly timings: Timings }
  /** Failed, and kept as a dead letter with its images. */
  | { readonly state: "dead"; readonly error: Fault; readonly attempts: number }
  /** With how often the entry had been delivered. */
  | { readonly state: "expired"; readonly timings: Timings; readonly delivery: number };

/** `late`: the job had an outcome already, or is gone, or another worker owns it. */
export type Settled = FinalState | "late";

/** What a worker does with deliveries. */
export interface JobSource {
  /** The lanes that this worker serves, of all its models. */
  readonly lanes: readonly Lane[];
  /** Whether a read that waits can be ended without losing what is on its way. */
  readonly interruptible: boolean;
  /**
   * Waits for new deliveries, at most `count` of each lane, until some come, the block time is over
   * (then none) or the signal aborts (then none).
   *
   * @param lanes all of them unless given
   */
  read(count: number, signal: AbortSignal, lanes?: readonly Lane[]): Promise<Delivery[]>;
  /** Reads the new deliveries that there are now, at most `count` of each lane. */
  readNow(count: number, lanes: readonly Lane[]): Promise<Delivery[]>;
  /** Marks deliveries as running, tells who follows them, and says which are to be run. */
  begin(deliveries: readonly Delivery[]): Promise<Verdict[]>;
  /**
   * Writes answers of jobs that go on, and tells who follows them; each job in one atomic step.
   * What is not this worker's any more is passed over.
   */
  progress(made: readonly Progress[]): Promise<void>;
  /** Writes outcomes; each job's record, event and acknowledgement are one atomic step. */
  settle(done: readonly Finished[]): Promise<Settled[]>;
  /**
   * Puts an attempt off after a passing fault; the delivery is due again after the delay, which
   * the claim idle time bounds.
   *
   * @param work what the attempt did
   * @returns false where there is nothing to put off: the entry is another's, or the job is over
   */
  retry(delivery: Delivery, delayMs: number, work?: Work): Promise<boolean>;
  /**
   * Puts deliveries that this worker will not finish at the end of their queue, where they wake a
   * worker that waits. What it had begun of them does not count as an attempt.
   *
   * @returns how many are queued again; the others are another worker's, or over
   */
  handBack(deliveries: readonly Delivery[]): Promise<number>;
  /**
   * How long a delivery to anybody has been silent: exactly where one has been for half the claim
   * idle time, else the longest that it can be.
   */
  longestIdle(): Promise<number>;
  /** Takes over deliveries that have been silent for the claim idle time, one at a time. */
  claim(signal: AbortSignal): AsyncIterable<Delivery>;
  /** Leaves the group, unless deliveries to this worker are still unsettled. */
  leave(): Promise<void>;
}

/** Answers of some images of a job that goes on. */
export interface Progress {
  readonly delivery: Delivery;
  readonly tell: string;
  /** Index of the first image. */
  readonly from: number;
  readonly answers: readonly ImageAnswer[];
}

/** A delivery with its outcome. */
export interface Finished {
  readonly delivery: Delivery;
  /** The gateways to tell, as `begin` said. */
  readonly tell: string;
  readonly outcome: Outcome;
  /** What the attempt did, where there was one. */
  readonly work?: Work;
}

/** A worker as the others see it. */
export interface WorkerCard {
  readonly name: string;
  readonly engine: string;
  /** Each version that it serves; of a model with several, first the one that does most jobs. */
  readonly models: readonly ModelCard[];
}

/** How workers make themselves known. */
export interface WorkerRegistry {
  announce(card: WorkerCard): Promise<void>;
  /** Says that this worker lives; to be called well within the beat's lifetime. */
  beat(): Promise<void>;
  leave(): Promise<void>;
}

/** A model that takes jobs. */
export interface ServedModel {
  /** As the worker has it that announced it last. */
  readonly card: ModelCard;
  /** Workers that serve it now. */
  readonly workers: number;
  /** How many of them serve each version, the lowest first. */
  readonly versions: ReadonlyMap<string, number>;
}

/** What is served, and by how many. */
export interface Directory {
  /** Every model that takes jobs. */
  models(): Promise<ServedModel[]>;
}
