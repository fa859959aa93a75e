/**
 * The port to what the gateways of a deployment keep of the last hour, for all of them to read.
 *
 * Owns the words. Never knows what the texts say.
 *
 * @module
 */

/** Some texts in their order, and where to go on. */
export interface HistoryPart {
  readonly texts: readonly string[];
  readonly cursor: string;
}

export interface History {
  /** Keeps a text, and forgets the oldest where there are too many. */
  append(text: string): Promise<void>;
  /** Reads what was kept since a part was read, or all that is left. */
  since(cursor: string | undefined): Promise<HistoryPart>;
}
