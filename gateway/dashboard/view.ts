/**
 * What a dashboard shows, as the gateway tells it: the data of its events.
 *
 * @module
 */
import type { ModelOverview, ServerOverview } from "../../shared/overview.ts";
import type { LetterView } from "../letter_view.ts";
import type { Stage } from "./sample.ts";

/** Ten seconds of the deployment; what nobody noted is null. */
export interface Point {
  /** When they began: milliseconds since 1970 (UTC). */
  readonly at: number;
  /** Jobs that were admitted and not done. */
  readonly jobs: number | null;
  readonly oldestMs: number | null;
  readonly submittedPerSecond: number;
  readonly donePerSecond: number;
  /** Jobs that ended without an answer. */
  readonly failedPerSecond: number;
  /** Images in a batch, on average. */
  readonly batchImages: number | null;
  /** Means of the jobs that were answered. */
  readonly queueMs: number | null;
  readonly decodeMs: number | null;
  readonly waitMs: number | null;
  readonly inferMs: number | null;
  readonly replyMs: number | null;
  /** Commands that Redis processed, of anybody. */
  readonly commandsPerSecond: number | null;
}

/** How long a stage took. */
export interface StageView {
  readonly stage: Stage;
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

/** Something that is wrong. */
export interface Trouble {
  readonly level: "fault" | "warning";
  /** A sentence for people. */
  readonly text: string;
}

/** What is now. */
export interface View {
  /** When it was read: milliseconds since 1970 (UTC). */
  readonly at: number;
  /** Who tells it. */
  readonly gateway: string;
  readonly troubles: readonly Trouble[];
  /** Of all models. */
  readonly jobs: number;
  readonly bytes: number;
  readonly oldestMs: number;
  /** Of each model. */
  readonly limits: { readonly jobs: number; readonly bytes: number };
  /** Over the last minute. */
  readonly donePerSecond: number;
  /** Over the last five minutes, as the stages. */
  readonly batchImages: number | null;
  readonly stages: readonly StageView[];
  readonly models: readonly ModelOverview[];
  readonly workers: readonly {
    readonly name: string;
    readonly engine: string;
    readonly models: readonly string[];
    /** Time since its last heartbeat; null where it is dead. */
    readonly beatMs: number | null;
  }[];
  readonly gateways: readonly string[];
  readonly servers: readonly ServerOverview[];
  /** How many there are; of how many this gateway's breaker is open. */
  readonly shards: { readonly all: number; readonly away: number };
  readonly letters: { readonly total: number; readonly newest: readonly LetterView[] };
}
