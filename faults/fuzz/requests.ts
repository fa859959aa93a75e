/**
 * Requests: sound ones, and the odd things that can stand in their paths, queries and headers.
 *
 * Pure. Owns what an HTTP request looks like on the wire; what of it is damaged is said by the case.
 *
 * @module
 */
import type { Random } from "../../fixtures/training/random.ts";
import { type Bytes, join } from "./bytes.ts";
import type { Operation } from "./contract.ts";

/** Names that the requests of a run can mean. */
export interface Known {
  readonly host: string;
  readonly model: string;
  /** A job that is done. */
  readonly job: string;
}

export interface Head {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const LONG = 20_000;

/** Texts that have broken something somewhere, percent-encoded where a path needs it. */
const ODD_TEXTS: readonly [string, ...string[]] = [
  "",
  ".",
  "..",
  "..%2f..%2f..%2fetc%2fpasswd",
  "%2e%2e/%2e%2e/etc/passwd",
  "....//....//",
  "%00",
  "a%00b",
  "%0d%0aX-Odd:%201",
  "%ff%fe",
  "%c0%ae%c0%ae",
  "%F0%9F%90%9F",
  "%zz",
  "%",
  "a/b",
  "a%5cb",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "-1",
  "0",
  "1e9",
  "9999999999999999999999",
  "NaN",
  "{0}:jobs",
  "*",
  "weir:*",
  "'\"<script>",
  "x".repeat(300),
  "x".repeat(LONG),
];

/** The same for header values, which may hold bytes beyond ASCII and no control characters. */
const ODD_VALUES: readonly [string, ...string[]] = [
  "",
  " ",
  ",",
  ";;;",
  "\xff\xfe\x80",
  "\t",
  "wait=",
  "wait=-1",
  "wait=99999999999999999999",
  "wait=0.5, respond-async",
  "Bearer",
  "Bearer \xff",
  "Basic Og==",
  "bytes=0-1,5-,-7",
  "0",
  "-1",
  "1",
  "4294967296",
  "00-00000000000000000000000000000000-0000000000000000-00",
  "multipart/form-data",
  "multipart/form-data; boundary=",
  `multipart/form-data; boundary="${"b".repeat(80)}"`,
  "multipart/mixed; boundary=x",
  "application/json; charset=utf-16",
  "x".repeat(LONG),
];

/** Headers that mean something to somebody. */
const HEADERS: readonly [string, ...string[]] = [
  "Accept",
  "Accept-Encoding",
  "Authorization",
  "Content-Encoding",
  "Content-Type",
  "Cookie",
  "Idempotency-Key",
  "If-None-Match",
  "Inference-Header-Content-Length",
  "Last-Event-ID",
  "Origin",
  "Prefer",
  "Range",
  "Referer",
  "X-Forwarded-For",
  "X-HTTP-Method-Override",
  "X-Request-Id",
  "X-Request-Timeout-Ms",
  "traceparent",
];

const HOSTS: readonly [string, ...string[]] = [
  "",
  "localhost",
  "[::1]",
  "[::",
  "a b",
  "a,b",
  "user@host",
  "host:99999",
  "%00",
  "\xff",
  "x".repeat(300),
];

/** Writes a request with a body of known length. */
export function written({ method, target, headers }: Head, body?: Uint8Array): Bytes {
  const all = body === undefined
    ? headers
    : [...headers, ["Content-Length", String(body.length)] as const];
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...all.map(([name, value]) => `${name}: ${value}`),
  ];
  return join(`${lines.join("\r\n")}\r\n\r\n`, body ?? "");
}

/** A sound request for an operation, whose answer it waits for. */
export function soundHead(operation: Operation, known: Known): Head {
  const { method, path, parameters } = operation;
  return {
    method,
    target: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => soundParameter(name, known)),
    headers: [
      ["Host", known.host],
      ["Connection", "close"],
      ...(parameters.header.includes("Prefer") ? [["Prefer", "wait=30"] as const] : []),
    ],
  };
}

function soundParameter(name: string, { model, job }: Known): string {
  if (/version/i.test(name)) return "1";
  return /^id$|job/i.test(name) ? job : model;
}

/** Puts something odd into the path's parameters; where it has none, behind the path. */
export function withOddPath(random: Random, { path }: Operation, head: Head): Head {
  const odd = random.pick(ODD_TEXTS);
  const target = path.includes("{")
    ? path.replaceAll(/\{\w+\}/g, () => odd)
    : random.pick([`${path}/${odd}`, `/${odd}`]);
  return { ...head, target };
}

/** Adds parameters, known and unknown, with odd values. */
export function withOddQuery(random: Random, { parameters }: Operation, head: Head): Head {
  const names = [...parameters.query, "model", "top", "limit", "x", "", "__proto__"] as const;
  const count = random.chance(0.05) ? 2_000 : random.integer(1, 4);
  const pairs = Array.from({ length: count }, () => {
    const name = names[random.integer(0, names.length - 1)]!;
    const value = random.pick(ODD_TEXTS).slice(0, count > 4 ? 9 : LONG).replaceAll("#", "");
    return random.chance(0.1) ? name : `${name}=${value}`;
  });
  return { ...head, target: `${head.target}?${pairs.join(random.pick(["&", "&", ";", "&&"]))}` };
}

/** Adds headers with odd values. */
export function withOddHeaders(random: Random, { parameters }: Operation, head: Head): Head {
  const count = random.chance(0.05) ? 60 : random.integer(1, 4);
  const odd = Array.from({ length: count }, () => {
    const [first, ...rest] = parameters.header;
    const name = first !== undefined && random.chance(0.5)
      ? random.pick([first, ...rest])
      : random.pick(HEADERS);
    const value = random.pick(ODD_VALUES);
    return [name, count > 4 ? value.slice(0, 100) : value] as const;
  });
  return { ...head, headers: [...head.headers, ...odd] };
}

/** Names another host. */
export function withOddHost(random: Random, head: Head): Head {
  const headers = head.headers.filter(([name]) => name !== "Host");
  return { ...head, headers: [...headers, ["Host", random.pick(HOSTS)]] };
}

/** Asks with another verb. */
export function withOddMethod(random: Random, head: Head): Head {
  const methods = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "get",
    "FOO",
  ];
  return { ...head, method: random.pick(methods as [string, ...string[]]) };
}

/** Asks for a WebSocket. */
export function withUpgrade(head: Head): Head {
  const headers = head.headers.filter(([name]) => name !== "Connection");
  return {
    ...head,
    headers: [
      ...headers,
      ["Connection", "Upgrade"],
      ["Upgrade", "websocket"],
      ["Sec-WebSocket-Version", "13"],
      ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
    ],
  };
}
