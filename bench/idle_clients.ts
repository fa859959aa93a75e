/**
 * Clients that follow jobs on which nothing happens: an open connection each, and no more.
 *
 * Owns the connections. They speak the least HTTP there is, so that thousands of them cost this
 * process little. Invariant: all are closed by disposing.
 *
 * @module
 */
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Connections that are opened at the same time. */
const OPENED_AT_ONCE = 50;

export class IdleClients implements Disposable {
  readonly #connections: Deno.TcpConn[] = [];

  /** Follows jobs in turn until there are `count` clients; each has had its first event. */
  async growTo(count: number, url: string, jobs: readonly string[]): Promise<void> {
    while (this.#connections.length < count) {
      const missing = Math.min(OPENED_AT_ONCE, count - this.#connections.length);
      await Promise.all(
        Array.from(
          { length: missing },
          (_, i) => this.#follow(url, jobs[(this.#connections.length + i) % jobs.length]!),
        ),
      );
    }
  }

  async #follow(url: string, job: string): Promise<void> {
    const { hostname, port, host } = new URL(url);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    this.#connections.push(connection);
    const request = `GET /v1/jobs/${job}/events HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    await connection.write(encoder.encode(request));
    await readUntil(connection, "event: queued");
    // Reads on, as clients do, so that heartbeats don't pile up.
    void drain(connection);
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.close();
  }
}

async function readUntil(connection: Deno.TcpConn, wanted: string): Promise<void> {
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.includes(wanted)) {
    const length = await connection.read(buffer);
    if (length === null) throw new Error(`follow a job: the stream ended after "${text}"`);
    text += decoder.decode(buffer.subarray(0, length));
  }
}

async function drain(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(512);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // Closed by us.
  }
}
