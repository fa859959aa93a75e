/**
 * Keeps other workers from claiming what this one works on, even while the main thread is held up.
 *
 * Owns a thread with a connection of its own. It speaks for the deliveries it was last told of,
 * and only while that news is fresh: a process that makes no progress loses its jobs to others.
 * Invariant: a batch that takes longer than its bound ends the process.
 *
 * @module
 */
import { Worker } from "node:worker_threads";
import type { Delivery } from "../shared/broker.ts";
import type { RedisSettings } from "../shared/redis/connection.ts";

/** A delivery that is spoken for. */
export type Held = Pick<Delivery, "shard" | "model" | "lane" | "entry">;

/** What the thread is told. */
export type HeartbeatMessage =
  | {
    readonly kind: "open";
    readonly settings: RedisSettings;
    /** Number of shards. */
    readonly shards: number;
    readonly consumer: string;
    readonly claimIdleMs: number;
    readonly inferTimeoutMs: number;
  }
  /** The deliveries in hand; `running` while a batch runs. */
  | {
    readonly kind: "hold";
    readonly running: boolean;
    readonly held: readonly Held[];
  }
  | { readonly kind: "close" };

/** Beats in one claim idle time: two may be late without harm. */
export const BEATS_A_CLAIM = 3;

export class Heartbeat implements AsyncDisposable {
  readonly #thread: Worker;
  /** Resolves when its thread runs: nothing is loaded any more. */
  readonly started: Promise<void>;
  readonly #closed: Promise<void>;

  constructor(options: Omit<HeartbeatMessage & { kind: "open" }, "kind">) {
    this.#thread = new Worker(new URL("./heartbeat_thread.ts", import.meta.url));
    this.started = this.#told("open");
    this.#closed = this.#told("closed");
    this.#tell({ kind: "open", ...options });
  }

  /** Tells what is in hand now, and whether a batch runs. */
  hold(held: readonly Held[], running: boolean): void {
    this.#tell({
      kind: "hold",
      running,
      held: held.map(({ shard, model, lane, entry }) => ({ shard, model, lane, entry })),
    });
  }

  #told(what: "open" | "closed"): Promise<void> {
    return new Promise((resolve) =>
      this.#thread.on("message", (message) => message === what ? resolve() : undefined)
    );
  }

  #tell(message: HeartbeatMessage): void {
    this.#thread.postMessage(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tell({ kind: "close" });
    await this.#closed;
    await this.#thread.terminate();
  }
}
