/**
 * The port of the one elected process that does for all what nobody else does.
 *
 * Owns the words. Never says when it is due: that is the janitor's.
 *
 * @module
 */

/** Counts of one maintenance run. */
export interface MaintenanceReport {
  readonly trimmedEvents: number;
  readonly expiredJobs: number;
  /** Workers that died and are forgotten now. */
  readonly deadWorkers: number;
  /** Models that are not offered any more, and forgotten now. */
  readonly deadModels: number;
}

/** One maintenance run. */
export interface Maintained {
  readonly report: MaintenanceReport;
  /**
   * Time until the next run has something to do, though nothing should come: 0 where this one left
   * something, `Infinity` where it left nothing.
   */
  readonly dueMs: number;
}

/** The periodic work that one elected process does for all. */
export interface Maintenance {
  /** Takes or renews the lease; false where another holds it. */
  elect(): Promise<boolean>;
  /**
   * Whether there may be something to do that the last run could not know of: jobs came or went
   * since. Of what is seldom to do, each look asks for a part.
   */
  look(): Promise<boolean>;
  /** Trims and expires, as long as the lease is held. */
  run(): Promise<Maintained>;
  /** Gives the lease back. */
  resign(): Promise<void>;
}
