/**
 * One client's socket: images come in, what becomes of each goes out.
 *
 * Owns the order and the bounds. Images are submitted one after the other, so that they are
 * accepted in the order in which they came; their events go out as they happen. The socket cannot
 * be told to read no further, so an image beyond a bound is refused, and the socket stays open.
 * Never cancels a job: what is accepted is done, and can be read, whoever has left.
 * Invariant: every image is answered with `accepted` or `error`, and every accepted one with its
 * outcome or an `error`, unless the socket ends before.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { isFinal, type JobId } from "../../shared/job.ts";
import type { FollowedJob } from "../events/followed_job.ts";
import type { Result } from "../jobs.ts";
import { AT_CAPACITY, BUSY, fault, type Refusal } from "../problem.ts";
import { type About, acceptedText, errorText, eventText } from "./message.ts";
import { CLOSE } from "./upgrades.ts";

/** Time for a client to answer a close, while the gateway stops. */
const FAREWELL_MS = 1_000;

/** Bounds of one socket. */
export interface Bounds {
  /** Images that are neither refused nor done. */
  readonly inFlightMax: number;
  /** Bytes of one image. */
  readonly imageBytesMax: number;
  /** Bytes of the images that wait to be submitted. */
  readonly waitingBytesMax: number;
  /** Bytes that the client leaves unread, when more is to come. */
  readonly unreadBytesMax: number;
  /** Time without an image, when none is in flight. */
  readonly idleMs: number;
}

/** An image that is a job. */
export interface Submission {
  readonly id: JobId;
  /** Follows the job from its beginning on. */
  readonly follow: () => Promise<Result<FollowedJob>>;
}

export interface ConversationParts {
  /** Open, or about to be. */
  readonly socket: WebSocket;
  readonly bounds: Bounds;
  readonly clock: Clock;
  /**
   * Makes an image a job, or says why not. `stranger`: the client's API key is not known any more.
   */
  readonly submit: (image: Uint8Array) => Promise<Result<Submission> | "stranger">;
  /** Called when the socket was closed because its client does not read. */
  readonly onDropped: () => void;
  /** Called when the socket has ended. */
  readonly onEnd: () => void;
}

/** An image that waits to be submitted. */
interface Waiting {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

export class Conversation {
  readonly #parts: ConversationParts;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Jobs whose events go on. */
  readonly #following = new Set<FollowedJob>();
  #seq = 0;
  #inFlight = 0;
  #isSubmitting = false;
  #draining = false;
  /** Set when nothing more can be told. */
  #over = false;
  /** Stops the one timer: until the socket is idle, or counts as ended. */
  #cancelTimer: () => void = () => undefined;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
    const { socket } = parts;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#rest();
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = () => {
      this.#release();
      parts.onEnd();
    };
  }

  /** Images that are neither refused nor done. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes no more images, and closes the socket once those in flight are answered. */
  drain(): void {
    this.#draining = true;
    if (this.#over) this.#awaitEnd();
    else this.#rest();
  }

  #take(data: ArrayBuffer | string): void {
    if (this.#over) return;
    if (typeof data === "string") {
      this.#send(errorText(fault("invalid_request", "send each image as one binary message")));
      return this.#rest();
    }
    const bytes = new Uint8Array(data);
    const { imageBytesMax } = this.#parts.bounds;
    if (bytes.length > imageBytesMax) {
      return this.#close(CLOSE.tooBig, `at most ${imageBytesMax} bytes are accepted`);
    }
    const seq = ++this.#seq;
    const refusal = this.#refusal(bytes.length);
    if (refusal !== undefined) {
      this.#send(errorText(refusal, { seq }));
      return this.#rest();
    }
    this.#cancelTimer();
    this.#inFlight++;
    this.#waitingBytes += bytes.length;
    this.#waiting.push({ seq, bytes });
    if (!this.#isSubmitting) void this.#submitAll();
  }

  /** Why an image is not even looked at. */
  #refusal(bytes: number): Refusal | undefined {
    const { inFlightMax, waitingBytesMax } = this.#parts.bounds;
    if (this.#draining) return AT_CAPACITY;
    if (this.#inFlight >= inFlightMax) {
      return fault("at_capacity", `${inFlightMax} images of this socket are already in flight`);
    }
    if (this.#waiting.length > 0 && this.#waitingBytes + bytes > waitingBytesMax) {
      return fault(
        "at_capacity",
        `${waitingBytesMax} bytes of this socket's images are already waiting`,
      );
    }
    return undefined;
  }

  async #submitAll(): Promise<void> {
    this.#isSubmitting = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#submit(next);
      this.#waitingBytes -= next.bytes.length;
    }
    this.#isSubmitting = false;
  }

  async #submit({ seq, bytes }: Waiting): Promise<void> {
    const submitted = this.#draining
      ? { ok: false, ...AT_CAPACITY } as const
      : await this.#parts.submit(bytes);
    if (submitted === "stranger") {
      return this.#close(CLOSE.policy, "the API key is no longer known");
    }
    if (!submitted.ok) {
      this.#send(errorText(submitted, { seq }));
      return this.#settled();
    }
    const { id, follow } = submitted.value;
    const about = { seq, id };
    this.#send(acceptedText(about, this.#parts.bounds.inFlightMax - this.#inFlight));
    const followed = await follow();
    if (followed.ok) return this.#tell(followed.value, about);
    this.#send(errorText(followed, about));
    this.#settled();
  }

  /** Tells all that happens to a job. */
  #tell(job: FollowedJob, about: Required<About>): void {
    if (this.#over) return job[Symbol.dispose]();
    this.#following.add(job);
    let isOver = false;
    job.listen({
      events: (events) => {
        for (const event of events) {
          isOver = "state" in event.data && isFinal(event.data.state);
          this.#send(eventText(about, event));
        }
      },
      end: () => {
        this.#following.delete(job);
        if (!isOver) this.#send(errorText(BUSY, about));
        this.#settled();
      },
    });
  }

  /** Counts an image as done. */
  #settled(): void {
    if (this.#over) return;
    this.#inFlight--;
    this.#rest();
  }

  /** What the socket does while nothing is in flight: it ends, or begins to be idle. */
  #rest(): void {
    this.#cancelTimer();
    const isOpen = this.#parts.socket.readyState === WebSocket.OPEN;
    if (this.#over || !isOpen || this.#inFlight > 0) return;
    if (this.#draining) return this.#close(CLOSE.goingAway, "the gateway is stopping");
    const { clock, bounds: { idleMs } } = this.#parts;
    this.#cancelTimer = clock.after(idleMs, () => {
      this.#close(CLOSE.normal, "idle");
    });
  }

  /** Sends, unless too much is unread already: then the client is given up. */
  #send(text: string): void {
    const { socket, bounds, onDropped } = this.#parts;
    if (this.#over) return;
    if (socket.bufferedAmount <= bounds.unreadBytesMax) return socket.send(text);
    onDropped();
    this.#close(CLOSE.policy, "too much is unread");
  }

  #close(code: number, reason: string): void {
    if (this.#over) return;
    this.#release();
    this.#parts.socket.close(code, reason);
    if (this.#draining) this.#awaitEnd();
  }

  /** A gateway that stops waits for no client that does not answer the close. */
  #awaitEnd(): void {
    this.#cancelTimer = this.#parts.clock.after(FAREWELL_MS, this.#parts.onEnd);
  }

  /** Lets go of everything. */
  #release(): void {
    this.#over = true;
    this.#cancelTimer();
    this.#waiting.length = 0;
    for (const job of this.#following) job[Symbol.dispose]();
    this.#following.clear();
    this.#inFlight = 0;
  }
}
