/**
 * What happened in a run, in the order in which it was seen: what each client was told, what was
 * done to the processes, which of them ended by themselves.
 *
 * Owns the list. Never judges: that is the checker's.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import type { FinalState } from "../shared/job.ts";
import type { FaultKind } from "./plan.ts";

/** What a client was told, or had to find out. */
export type Told =
  /** Its job is in the queue. */
  | { readonly kind: "accepted"; readonly job: string }
  /** Its job is over. `/predict` names no job and no time. */
  | {
    readonly kind: "outcome";
    readonly state: FinalState;
    readonly job?: string;
    /** RFC 3339. */
    readonly finishedAt?: string;
  }
  /** Not now: 503 with its code. */
  | { readonly kind: "refused"; readonly code: string }
  /** The connection broke before the answer was there. */
  | { readonly kind: "broken"; readonly error: string }
  /** Nothing, for longer than anything may take. */
  | { readonly kind: "hung"; readonly call: string; readonly ms: number }
  /** Something that no client of a sound Weir is told, under any fault. */
  | { readonly kind: "odd"; readonly call: string; readonly status: number; readonly body: string }
  /** It was refused or cut off so often that it went away. */
  | { readonly kind: "unserved" };

/** Whom it was told: the submission's number, and whether it carried an Idempotency-Key. */
export interface Listener {
  readonly submission: number;
  readonly keyed: boolean;
}

/** What was done, or happened, to a process or its connections. */
export type Happened =
  | {
    readonly kind: "struck";
    readonly fault: FaultKind;
    readonly victim: string;
    /** Jobs that were running then, with the victim where that is a worker. */
    readonly running: number;
  }
  /** A process that nobody had killed ended, after it had been ready. */
  | { readonly kind: "died"; readonly process: string; readonly status: string };

export type HistoryEvent =
  & { readonly atMs: number }
  & ((Told & Listener) | Happened);

export class History {
  readonly events: HistoryEvent[] = [];
  /** When the run began, in milliseconds since 1970 (UTC). */
  readonly beganAt: number;
  readonly #clock: Clock;
  readonly #zeroMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.beganAt = clock.wall();
    this.#zeroMs = clock.now();
  }

  /** Milliseconds since the run began. */
  get atMs(): number {
    return Math.round(this.#clock.now() - this.#zeroMs);
  }

  tell(listener: Listener, told: Told): void {
    this.events.push({ atMs: this.atMs, ...listener, ...told });
  }

  add(happened: Happened): void {
    this.events.push({ atMs: this.atMs, ...happened });
  }

  /** The events as lines of JSON. */
  text(): string {
    return this.events.map((event) => JSON.stringify(event) + "\n").join("");
  }
}
