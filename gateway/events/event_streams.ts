/**
 * Clients that read events as Server-Sent Events: those of a job, or of all that is done.
 *
 * Owns the table of them, their heartbeats (one timer for all) and the bound on what one of them
 * may leave unread. Never asks Redis; a client that leaves cancels nothing and is not logged.
 * Invariant: every stream ends: with the outcome, with its client, or with the gateway.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { loop } from "../../shared/loop.ts";
import type { Log } from "../../shared/log.ts";
import { AT_CAPACITY, problemResponse } from "../problem.ts";
import type { FollowedEvent } from "./event.ts";
import type { Listener } from "./followed_job.ts";

/** A stream that is silent gets a comment within this time, so that no proxy takes it for dead. */
export const HEARTBEAT_MS = 15_000;

/** A stream may get its comment after half of the time: so not all get theirs at once. */
export const SILENCE_MS = HEARTBEAT_MS / 2;

/** How often silent streams are looked for. */
const LOOK_MS = 1_000;

/** A client that has left more bytes than these unread when more is to come is dropped. */
export const UNREAD_BYTES_MAX = 262_144;

/** What a client waits before it connects again, unless it knows better. */
const RETRY_MS = 1_000;

/** Headers of every stream. */
const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

const encoder = new TextEncoder();
const RETRY = `retry: ${RETRY_MS}\n\n`;
const HEARTBEAT = encoder.encode(":\n\n");

/** Who is told of a source: what it hears goes out at once. */
export interface StreamListener extends Listener {
  /** Takes events as the stream carries them. */
  send(chunk: Uint8Array): void;
}

/** Where a stream's events come from. Disposing of it ends the listening. */
export interface StreamSource extends Disposable {
  /** Which one, for the log. */
  readonly id: string;
  /** Tells a listener, from now on. */
  listen(listener: StreamListener): void;
}

export interface EventStreamsParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the gateway is to take no more requests: all streams end. */
  readonly drain: AbortSignal;
  readonly unreadBytesMax?: number;
}

export class EventStreams {
  readonly #parts: EventStreamsParts;
  /** All streams, the one that was silent for the longest time first. */
  readonly #open = new Set<EventStream>();
  readonly #table: StreamTable;
  /** Streams that ended because their client did not read. */
  dropped = 0;

  constructor(parts: EventStreamsParts) {
    this.#parts = parts;
    const { clock, log, drain, unreadBytesMax = UNREAD_BYTES_MAX } = parts;
    this.#table = {
      unreadBytesMax,
      sent: (stream) => {
        stream.sentAt = clock.now();
        this.#open.delete(stream);
        this.#open.add(stream);
      },
      drop: (stream) => {
        this.dropped++;
        log.debug("slow reader dropped", { of: stream.source.id });
      },
      leave: (stream) => void this.#open.delete(stream),
    };
    drain.addEventListener("abort", () => this.#endAll(), { once: true });
  }

  /** How many clients there are. */
  get size(): number {
    return this.#open.size;
  }

  /** Answers a request with a source's events; disposes of the source when the stream ends. */
  respond({ method }: Pick<Request, "method">, source: StreamSource): Response {
    const isDraining = this.#parts.drain.aborted;
    if (isDraining || method === "HEAD") {
      source[Symbol.dispose]();
      return isDraining ? problemResponse(AT_CAPACITY) : new Response(null, { headers: HEADERS });
    }
    const stream = new EventStream(source, this.#table);
    return new Response(stream.body(), { headers: HEADERS });
  }

  /** Keeps streams alive until aborted. */
  async beat(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    await loop(
      { name: "heartbeat of event streams", periodMs: LOOK_MS, clock, log },
      signal,
      () => {
        this.#beatOnce(clock.now());
        return Promise.resolve();
      },
    );
  }

  #beatOnce(now: number): void {
    // What the time between two looks is of the time that is left for all of them.
    let turn = Math.ceil(this.#open.size * LOOK_MS / (HEARTBEAT_MS - SILENCE_MS));
    for (const stream of this.#open) {
      if (now - stream.sentAt < SILENCE_MS || turn-- === 0) return;
      stream.send(HEARTBEAT);
    }
  }

  #endAll(): void {
    for (const stream of this.#open) stream.end();
  }
}

/** What a stream knows of the table that it is in. */
interface StreamTable {
  readonly unreadBytesMax: number;
  readonly sent: (stream: EventStream) => void;
  readonly drop: (stream: EventStream) => void;
  readonly leave: (stream: EventStream) => void;
}

/** One client's stream: all that there is of a client, so it is kept small. */
class EventStream
  implements StreamListener, UnderlyingDefaultSource<Uint8Array>, QueuingStrategy<Uint8Array> {
  readonly source: StreamSource;
  /** When something was sent last, by the monotonic clock. */
  sentAt = 0;
  readonly highWaterMark: number;
  readonly #table: StreamTable;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(source: StreamSource, table: StreamTable) {
    this.source = source;
    this.#table = table;
    this.highWaterMark = table.unreadBytesMax;
  }

  /** The body of the answer, which begins when it is made. */
  body(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(this, this);
  }

  size(chunk: Uint8Array): number {
    return chunk.byteLength;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.send(encoder.encode(RETRY));
    this.source.listen(this);
  }

  /** The client has left. */
  cancel(): void {
    this.#close();
  }

  events(events: readonly FollowedEvent[]): void {
    this.send(encoder.encode(events.map(textOf).join("")));
  }

  end(): void {
    this.#close()?.close();
  }

  /** Sends, unless too much is unread already: then the client is cut off, and may come again. */
  send(chunk: Uint8Array): void {
    if (this.#controller === undefined) return;
    if (this.#controller.desiredSize! > 0) {
      this.#controller.enqueue(chunk);
      return this.#table.sent(this);
    }
    this.#table.drop(this);
    this.#close()?.error(new Error("too much is unread"));
  }

  #close(): ReadableStreamDefaultController<Uint8Array> | undefined {
    const controller = this.#controller;
    this.#controller = undefined;
    this.#table.leave(this);
    this.source[Symbol.dispose]();
    return controller;
  }
}

/** An event as the stream carries it (WHATWG HTML, server-sent events). */
function textOf({ id, name, data }: FollowedEvent): string {
  return `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}
