/**
 * A client of the gateway's WebSocket: it keeps what it is told, for the test to wait for.
 *
 * @module
 */

/** What a client is told. */
export interface Told {
  readonly type: string;
  readonly seq?: number;
  readonly id?: string;
  // deno-lint-ignore no-explicit-any -- the members of whatever event it is
  readonly [member: string]: any;
}

/** How a socket ended. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export class SocketClient {
  /** All that it was told so far. */
  readonly told: Told[] = [];
  readonly socket: WebSocket;
  readonly #closed = Promise.withResolvers<Closed>();
  #news = Promise.withResolvers<void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      this.told.push(JSON.parse(data));
      this.#tellNews();
    };
    socket.onclose = ({ code, reason }) => {
      this.#closed.resolve({ code, reason });
      this.#tellNews();
    };
  }

  /** Opens a socket, or fails where that is refused. */
  static async open(
    url: string,
    options: { protocols?: string[]; headers?: Record<string, string> } = {},
  ): Promise<SocketClient> {
    const socket = new WebSocket(url.replace(/^http/, "ws"), options);
    const opened = Promise.withResolvers<void>();
    socket.onopen = () => opened.resolve();
    socket.onerror = () => opened.reject(new Error("the socket was refused"));
    const client = new SocketClient(socket);
    await opened.promise;
    return client;
  }

  /** How it ended; waits for that. */
  get closed(): Promise<Closed> {
    return this.#closed.promise;
  }

  send(...messages: (Uint8Array<ArrayBuffer> | string)[]): void {
    for (const message of messages) this.socket.send(message);
  }

  /** Waits for so many messages of a type, and gives them in the order in which they came. */
  async until(type: string, count = 1): Promise<Told[]> {
    for (;;) {
      const found = this.told.filter((message) => message.type === type);
      if (found.length >= count) return found;
      if (this.socket.readyState === WebSocket.CLOSED) {
        throw new Error(`closed with ${JSON.stringify(await this.closed)} before ${count} ${type}`);
      }
      await this.#news.promise;
    }
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  #tellNews(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
