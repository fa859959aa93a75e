/**
 * A client of the gateway's WebSocket that sends bursts of images, and checks every answer.
 *
 * Owns the socket. Invariant: each image of a burst is told of once, whatever the other side says.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import { isRight, type SamplePhoto } from "./sample_photos.ts";
import type { Told } from "./tally.ts";

/** An image that has no answer yet. */
interface Open {
  readonly photo: SamplePhoto;
  readonly sentAt: number;
  readonly tell: (told: Told) => void;
}

/** What a message may have. */
interface Message {
  readonly type: string;
  readonly seq?: number;
  readonly code?: string;
  readonly result?: { readonly predictions?: unknown };
}

export class SocketClient implements Disposable {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  /** By `seq`. */
  readonly #open = new Map<number, Open>();
  #sent = 0;

  private constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = ({ code }) => {
      for (const seq of this.#open.keys()) this.#end(seq, `closed with ${code}`);
    };
  }

  /** Connects; fails where the gateway refuses. */
  static async connect(url: string, clock: Clock): Promise<SocketClient> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`connect to "${url}": it was refused`));
    });
    return new SocketClient(socket, clock);
  }

  /** Sends photos, one behind the other, and gives what came of each. */
  burst(photos: readonly SamplePhoto[]): Promise<Told[]> {
    return Promise.all(photos.map((photo) =>
      new Promise<Told>((tell) => {
        this.#open.set(++this.#sent, { photo, sentAt: this.#clock.now(), tell });
        this.#socket.send(photo.bytes);
      })
    ));
  }

  #take({ type, seq = 0, code, result }: Message): void {
    const photo = this.#open.get(seq)?.photo;
    if (photo === undefined || ["accepted", "queued", "running", "prediction"].includes(type)) {
      return;
    }
    const right = type === "succeeded" && isRight(result?.predictions, photo);
    this.#end(seq, right ? undefined : code ?? (type === "succeeded" ? "wrong answer" : type));
  }

  #end(seq: number, fault: string | undefined): void {
    const { tell, sentAt } = this.#open.get(seq)!;
    this.#open.delete(seq);
    const ms = this.#clock.now() - sentAt;
    tell(fault === undefined ? { ms } : { ms, fault });
  }

  /** What has no answer yet gets none. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
