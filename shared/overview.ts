/**
 * What a deployment is doing now, as those who watch it see it.
 *
 * Owns the words. Never holds anything of a client's: no photo, no key, no job's id.
 * Invariant: numbers are of one moment of one look; what could not be read is left out and said so.
 *
 * @module
 */

/** A model that is known: offered now, or with something left of it. */
export interface ModelOverview {
  readonly model: string;
  /** Workers that live and serve it. */
  readonly workers: number;
  /** Jobs and image bytes admitted and not yet done: what the bounds of the queue count. */
  readonly jobs: number;
  readonly bytes: number;
  /** Of the jobs, those that a worker has in hand, alive or not. */
  readonly pending: number;
  /** How long the oldest of the jobs has been in its stream; 0 where there is none. */
  readonly oldestMs: number;
  readonly deadLetters: number;
  /** Image bytes in the dead letters. */
  readonly deadBytes: number;
}

/** A worker that did not say that it leaves. */
export interface WorkerOverview {
  readonly name: string;
  /** Names of the models that it serves. */
  readonly models: readonly string[];
  /** Undefined where it is silent for too long: it counts as dead. */
  readonly alive: {
    /** Names of its models' engines, with commas between. */
    readonly engine: string;
    /** Time since its last heartbeat. */
    readonly beatMs: number;
  } | undefined;
}

/** A server of Redis, as it tells of itself. */
export interface ServerOverview {
  /** The first of the shards that it has. */
  readonly shard: number;
  readonly version: string;
  readonly memoryBytes: number;
  /** 0 where it has no bound. */
  readonly memoryBytesMax: number;
  /** Connections of all its clients. */
  readonly connections: number;
  /** Commands since it was started, those inside scripts not counted. */
  readonly commands: number;
  /** The same in a second, of late. */
  readonly commandsPerSecond: number;
}

export interface ShardOverview {
  readonly number: number;
  /** Whether this process' commands fail without being tried, because the server is away. */
  readonly breakerOpen: boolean;
  /** Whether it was read; where not, the rest of the overview is without its part. */
  readonly read: boolean;
}

/** All of it, over all shards. */
export interface Overview {
  /** When it was read: milliseconds since 1970 (UTC), by this process' clock. */
  readonly readAt: number;
  readonly shards: readonly ShardOverview[];
  /** By name. */
  readonly models: readonly ModelOverview[];
  /** By name. */
  readonly workers: readonly WorkerOverview[];
  /** Names of the gateways that live, in order. */
  readonly gateways: readonly string[];
  /** Those that were reached and tell: a hosted Redis may not. */
  readonly servers: readonly ServerOverview[];
}

/** Who can be asked for an overview. */
export interface Overviews {
  /** Never fails: what cannot be read is left out. */
  read(): Promise<Overview>;
}
