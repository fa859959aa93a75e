/**
 * A WebSocket's client as bytes: it sends what no well-behaved client does.
 *
 * @module
 */
import assert from "node:assert/strict";

/** A key of the handshake (RFC 6455, section 1.3), and a mask that changes nothing. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const MASK_BYTES = 4;
const CLOSE_FRAME = 0x88;

export class RawSocket implements Disposable {
  readonly #connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Opens a socket. */
  static async open(url: string): Promise<RawSocket> {
    const { hostname, port, pathname } = new URL(url);
    const client = new RawSocket(await Deno.connect({ hostname, port: Number(port) }));
    const lines = [
      `GET ${pathname} HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${KEY}`,
    ];
    await client.send(
      new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join("") + "\r\n"),
    );
    const answer = new TextDecoder().decode(await client.#read());
    assert.match(answer, /^HTTP\/1\.1 101 /);
    assert.match(answer, /^x-request-id: \S+\r$/m);
    return client;
  }

  /** The beginning of a frame (RFC 6455, section 5.2): opcode and length, and a mask of zeros. */
  header(opcode: number, length: number, { isLast = true } = {}): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(10 + MASK_BYTES);
    bytes[0] = (isLast ? 0x80 : 0) | opcode;
    bytes[1] = 0x80 | 127;
    new DataView(bytes.buffer).setBigUint64(2, BigInt(length));
    return bytes;
  }

  frame(
    opcode: number,
    content: Uint8Array,
    options?: { isLast?: boolean },
  ): Uint8Array<ArrayBuffer> {
    return new Uint8Array([...this.header(opcode, content.length, options), ...content]);
  }

  async send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }

  /** Waits for a close, and gives its code; undefined where the connection just ended. */
  async closeCode(): Promise<number | undefined> {
    const [first, , high, low] = await this.#read();
    return first === CLOSE_FRAME ? high! * 256 + low! : undefined;
  }

  /** What comes next; nothing where the connection ended. */
  async #read(): Promise<Uint8Array> {
    const bytes = new Uint8Array(65_536);
    const length = await this.#connection.read(bytes).catch(() => null);
    return bytes.subarray(0, length ?? 0);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
