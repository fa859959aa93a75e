/**
 * Requests as bytes over TCP, and what comes back: no library stands between, which would refuse
 * to send them.
 *
 * Owns the framing of answers (RFC 9112, section 6). Invariant: it ends within its bound.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { type Bytes, join } from "./bytes.ts";

export interface Exchange {
  readonly hostname: string;
  readonly port: number;
  /** The request, byte by byte. */
  readonly request: Bytes;
  /** Whether our side of the connection is closed behind the request. */
  readonly halfClosed: boolean;
  /** Longer than any answer may take. */
  readonly boundMs: number;
  readonly clock: Clock;
}

export interface Response {
  readonly kind: "response";
  readonly status: number;
  /** By name in small letters; the last of a name counts. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Bytes;
}

export type Reply =
  | Response
  /** The connection ended before an answer was whole. */
  | { readonly kind: "broken"; readonly error: string }
  | { readonly kind: "hung" };

/** Sends a request and reads one answer. */
export async function exchange(parts: Exchange): Promise<Reply> {
  const { hostname, port, request, halfClosed, boundMs, clock } = parts;
  let late = false;
  const isHead = String.fromCharCode(...request.subarray(0, 5)) === "HEAD ";
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname, port });
  } catch (error) {
    return { kind: "broken", error: String(error) };
  }
  const cancel = clock.after(boundMs, () => {
    late = true;
    connection.close();
  });
  // Where it is refused before its end, the answer is there to be read all the same.
  const written = write(connection, request, halfClosed).catch(() => {});
  try {
    return await readResponse(connection, isHead);
  } catch (error) {
    return late ? { kind: "hung" } : { kind: "broken", error: String(error) };
  } finally {
    cancel();
    if (!late) connection.close();
    await written;
  }
}

async function write(connection: Deno.TcpConn, bytes: Bytes, close: boolean): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  if (close) await connection.closeWrite();
}

async function readResponse(connection: Deno.TcpConn, isHead: boolean): Promise<Response> {
  const buffer = new Uint8Array(65_536);
  let received: Bytes = new Uint8Array();
  for (;;) {
    const read = await connection.read(buffer);
    received = join(received, buffer.subarray(0, read ?? 0));
    const response = responseIn(received, { isHead, isEnd: read === null });
    if (response !== undefined) return response;
    if (read === null) throw new Error(`it ended after ${received.length} bytes`);
  }
}

/**
 * The first final answer in what was received; undefined where it is not whole yet.
 *
 * @param of `isHead`: the request was a HEAD; `isEnd`: nothing more comes
 * @throws {Error} where it is no HTTP
 */
export function responseIn(
  received: Bytes,
  { isHead, isEnd }: { readonly isHead: boolean; readonly isEnd: boolean },
): Response | undefined {
  const text = new TextDecoder("latin1").decode(received);
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1]);
  if (!Number.isInteger(status)) throw new Error(`it answered ${statusLine.slice(0, 80)}`);
  const rest = received.slice(end + 4);
  if (status === 100 || status === 103) return responseIn(rest, { isHead, isEnd });
  const headers = new Map(lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  // A stream of events may have no end.
  const isStream = headers.get("content-type") === "text/event-stream";
  const body = isHead || isStream || status < 200 || status === 204 || status === 304
    ? new Uint8Array()
    : bodyIn(rest, headers, isEnd);
  return body === undefined ? undefined : { kind: "response", status, headers, body };
}

function bodyIn(
  bytes: Bytes,
  headers: ReadonlyMap<string, string>,
  isEnd: boolean,
): Bytes | undefined {
  if (headers.get("transfer-encoding") === "chunked") return unchunked(bytes);
  const length = headers.get("content-length");
  if (length === undefined) return isEnd ? bytes : undefined;
  return bytes.length < Number(length) ? undefined : bytes.slice(0, Number(length));
}

/** The content of a chunked body, or undefined where its end is not there. */
function unchunked(bytes: Bytes): Bytes | undefined {
  const text = new TextDecoder("latin1").decode(bytes);
  const chunks: Bytes[] = [];
  for (let at = 0;;) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const length = parseInt(text.slice(at, line), 16);
    if (length === 0) return text.length >= line + 4 ? join(...chunks) : undefined;
    if (bytes.length < line + 2 + length + 2) return undefined;
    chunks.push(bytes.slice(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}
