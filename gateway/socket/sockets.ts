/**
 * All sockets of this gateway.
 *
 * Owns the table of them and its bound. Never looks into a conversation.
 * Invariant: once the gateway drains, every socket ends: with its images answered, or cut off.
 *
 * @module
 */
import { BrokerUnavailable } from "../../shared/broker.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Log } from "../../shared/log.ts";
import { brokerRefusal } from "../broker_refusal.ts";
import type { FollowedJob } from "../events/followed_job.ts";
import type { Jobs, Result } from "../jobs.ts";
import type { Caller } from "../keys/caller.ts";
import type { SubmitParameters } from "../parameters.ts";
import { fault } from "../problem.ts";
import type { Submitter } from "../submitter.ts";
import { type Bounds, Conversation, type Submission } from "./conversation.ts";

/** Sockets of one gateway. */
const SOCKETS_MAX = 1_000;

/** Images of one socket that are neither refused nor done. */
export const IN_FLIGHT_MAX = 64;

/** How many of the largest images of one socket may wait to be submitted. */
const WAITING_IMAGES_MAX = 2;

/** What one client may leave unread, in bytes. */
const UNREAD_BYTES_MAX = 1_048_576;

/** Time without an image, when none is in flight, after which a socket is closed. */
const IDLE_MS = 300_000;

export interface SocketsParts {
  readonly clock: Clock;
  readonly log: Log;
  /** `WEIR_BODY_BYTES_MAX`: the bound of one image. */
  readonly bodyBytesMax: number;
  /** Aborts when the gateway is to stop. */
  readonly drain: AbortSignal;
  readonly socketsMax?: number;
  readonly bounds?: Partial<Bounds>;
}

/** What a socket's images are made jobs with. */
export interface Sending {
  readonly jobs: Jobs;
  readonly submitter: Submitter;
  readonly parameters: SubmitParameters;
  /** Finds out anew whose socket it is: a key may have gone since. */
  readonly caller: () => Caller | undefined;
}

export class Sockets {
  readonly #parts: SocketsParts;
  readonly #bounds: Bounds;
  readonly #open = new Set<Conversation>();
  readonly #drained = Promise.withResolvers<void>();
  /** Sockets that were closed because their client did not read. */
  dropped = 0;

  constructor(parts: SocketsParts) {
    this.#parts = parts;
    const { bodyBytesMax, bounds, drain } = parts;
    this.#bounds = {
      inFlightMax: IN_FLIGHT_MAX,
      imageBytesMax: bodyBytesMax,
      waitingBytesMax: WAITING_IMAGES_MAX * bodyBytesMax,
      unreadBytesMax: UNREAD_BYTES_MAX,
      idleMs: IDLE_MS,
      ...bounds,
    };
    drain.addEventListener("abort", () => this.#drain(), { once: true });
    // The gateway may have been told while it was starting.
    if (drain.aborted) this.#drain();
  }

  /** How many there are. */
  get size(): number {
    return this.#open.size;
  }

  /** How many there may be. */
  get sizeMax(): number {
    return this.#parts.socketsMax ?? SOCKETS_MAX;
  }

  /** Images of all sockets that are neither refused nor done. */
  get inFlight(): number {
    return this.#open.values().reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  /** Whether there is no room for one more. */
  get isFull(): boolean {
    return this.#open.size >= this.sizeMax;
  }

  /** Takes a socket that is about to open. */
  welcome(socket: WebSocket, sending: Sending): void {
    const conversation = new Conversation({
      socket,
      bounds: this.#bounds,
      clock: this.#parts.clock,
      submit: (image) => this.#submit(image, sending),
      onDropped: () => void this.dropped++,
      onEnd: () => this.#leave(conversation),
    });
    this.#open.add(conversation);
    if (this.#parts.drain.aborted) conversation.drain();
  }

  /** Resolves when, after the gateway was told to drain, the last socket has ended. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /** Makes an image a job, or says why not. */
  async #submit(
    image: Uint8Array,
    { jobs, submitter, parameters, caller }: Sending,
  ): Promise<Result<Submission> | "stranger"> {
    const asking = caller();
    if (asking === undefined) return "stranger";
    return await this.#orRefusal<Submission>(async () => {
      const accepted = await submitter.submitImages(asking, [image], parameters, true);
      if (!accepted.ok) return accepted;
      using job = accepted.value;
      const { id } = job;
      const follow = () =>
        this.#orRefusal<FollowedJob>(async () => {
          const followed = await jobs.follow(asking, id);
          // Of a job of which nothing was told there is something to tell.
          return followed.ok ? { ok: true, value: followed.value! } : followed;
        });
      return { ok: true, value: { id, follow } };
    });
  }

  /** What asking Redis gives, or the refusal where it cannot be asked. */
  async #orRefusal<T>(ask: () => Promise<Result<T>>): Promise<Result<T>> {
    const { log } = this.#parts;
    try {
      return await ask();
    } catch (error) {
      if (error instanceof BrokerUnavailable) return { ok: false, ...brokerRefusal(error, log) };
      log.error("image of a socket failed", { error: (error as Error).stack ?? String(error) });
      return { ok: false, ...fault("internal_error") };
    }
  }

  #leave(conversation: Conversation): void {
    this.#open.delete(conversation);
    if (this.#parts.drain.aborted && this.#open.size === 0) this.#drained.resolve();
  }

  #drain(): void {
    for (const conversation of this.#open) conversation.drain();
    if (this.#open.size === 0) this.#drained.resolve();
  }
}
