/**
 * A bad network: a TCP proxy on the loopback interface whose connections can be cut, held up,
 * half-opened, or cut between a command and its reply.
 *
 * Owns its connections. Never looks into what passes. Invariant: without a fault, every byte and
 * every end of a connection is passed on.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";

export interface ProxyParts {
  /** Port of the loopback interface where the connections go. */
  readonly upstreamPort: number;
  readonly clock: Clock;
}

const HOSTNAME = "127.0.0.1";
const CHUNK_BYTES = 65_536;

export class Proxy implements AsyncDisposable {
  /** How long everything that passes is held up. */
  delayMs = 0;
  /** Replies that were dropped, each with its connection. */
  repliesLost = 0;
  readonly #parts: ProxyParts;
  readonly #listener: Deno.TcpListener;
  readonly #links = new Map<Link, Promise<void>>();
  readonly #accepting: Promise<void>;
  #halfOpen = false;

  /** Listens on a free port. */
  constructor(parts: ProxyParts) {
    this.#parts = parts;
    this.#listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
    this.#accepting = this.#accept();
  }

  /** Where it listens, on the loopback interface. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#links.size;
  }

  /** Closes all connections, both sides of them. */
  cut(): void {
    for (const link of this.#links.keys()) link.close();
  }

  /** The next bytes that come back on each connection are dropped, and then the connection. */
  loseReplies(): void {
    for (const link of this.#links.keys()) link.losesReply = true;
  }

  /**
   * All connections of now and until disposing carry nothing any more, for ever: what is sent is
   * swallowed, and neither side learns of the other's end.
   */
  halfOpen(): Disposable {
    this.#halfOpen = true;
    for (const link of this.#links.keys()) link.swallows = true;
    return { [Symbol.dispose]: () => void (this.#halfOpen = false) };
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const link = new Link(client, this.#halfOpen, {
        clock: this.#parts.clock,
        delayMs: () => this.delayMs,
        replyLost: () => this.repliesLost++,
      });
      this.#links.set(
        link,
        link.run(this.#parts.upstreamPort).finally(() => {
          this.#links.delete(link);
        }),
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.cut();
    await Promise.all(this.#links.values());
  }
}

interface LinkParts {
  readonly clock: Clock;
  readonly delayMs: () => number;
  readonly replyLost: () => void;
}

/** One connection: the client's, and ours to the server on its behalf. */
class Link {
  swallows: boolean;
  losesReply = false;
  readonly #client: Deno.Conn;
  readonly #parts: LinkParts;
  readonly #closed = new AbortController();

  constructor(client: Deno.Conn, swallows: boolean, parts: LinkParts) {
    this.#client = client;
    this.swallows = swallows;
    this.#parts = parts;
  }

  /** Carries bytes until both sides are closed. */
  async run(upstreamPort: number): Promise<void> {
    const { signal } = this.#closed;
    using client = closing(this.#client, signal);
    const server = await Deno.connect({ hostname: HOSTNAME, port: upstreamPort })
      .catch(() => undefined);
    if (server === undefined) {
      // Nobody is there; half-open, not even that is learned.
      if (this.swallows) await this.#pump(client.end, undefined);
      return;
    }
    using upstream = closing(server, signal);
    await Promise.all([
      this.#pump(client.end, upstream.end),
      this.#pump(upstream.end, client.end, () => this.#keepsReply()),
    ]);
  }

  /** Closes both sides. */
  close(): void {
    this.#closed.abort();
  }

  /** Passes bytes on from one side, whose end is the other's too, as long as nothing is swallowed. */
  async #pump(from: Deno.Conn, to: Deno.Conn | undefined, passes = () => true): Promise<void> {
    const { clock, delayMs } = this.#parts;
    const { signal } = this.#closed;
    const chunk = new Uint8Array(CHUNK_BYTES);
    try {
      for (let count; (count = await from.read(chunk)) !== null;) {
        if (delayMs() > 0) await clock.sleep(delayMs(), signal);
        if (this.swallows || !passes()) continue;
        for (let sent = 0; to !== undefined && sent < count;) {
          sent += await to.write(chunk.subarray(sent, count));
        }
      }
    } catch {
      // A side that breaks has ended too.
    }
    if (!this.swallows) this.close();
  }

  #keepsReply(): boolean {
    if (!this.losesReply) return true;
    this.#parts.replyLost();
    this.close();
    return false;
  }
}

/** Closes a connection at its scope's end, or when the signal aborts. */
function closing(end: Deno.Conn, signal: AbortSignal): { readonly end: Deno.Conn } & Disposable {
  let open = true;
  const close = () => {
    if (open) end.close();
    open = false;
  };
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  return { end, [Symbol.dispose]: close };
}
