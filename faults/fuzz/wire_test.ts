import assert from "node:assert/strict";
import { systemClock } from "../../shared/clock.ts";
import { type Bytes, join, latin1 } from "./bytes.ts";
import { exchange, type Reply, responseIn } from "./wire.ts";

const OPEN = { isHead: false, isEnd: false };

/** What is read of an answer, `undefined` where more has to come. */
function read(text: string, how = OPEN): string | undefined {
  const response = responseIn(latin1(text), how);
  return response && `${response.status} ${String.fromCharCode(...response.body)}`;
}

const answers: [name: string, text: string, read: string | undefined, how?: typeof OPEN][] = [
  ["of known length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", "200 abc"],
  ["not whole yet", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", undefined],
  ["in its head yet", "HTTP/1.1 200 OK\r\nContent-Len", undefined],
  [
    "in chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
    "200 abcd",
  ],
  [
    "in chunks, not whole yet",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    undefined,
  ],
  ["that lasts to the end", "HTTP/1.0 200 OK\r\n\r\nabc", "200 abc", { ...OPEN, isEnd: true }],
  ["without a body", "HTTP/1.1 204 No Content\r\n\r\n", "204 "],
  ["to a HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "200 ", { ...OPEN, isHead: true }],
  [
    "behind an interim one",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    "404 ",
  ],
];
for (const [name, text, expected, how] of answers) {
  Deno.test(`wire: an answer ${name} is understood`, () => {
    assert.equal(read(text, how), expected);
  });
}

Deno.test("wire: what is no HTTP is said to be none", () => {
  assert.throws(() => read("SSH-2.0\r\n\r\n"), /^Error: it answered SSH-2.0$/);
});

/** Sends to a server that does something with the connection. */
async function sent(
  serve: (connection: Deno.TcpConn) => Promise<void>,
  request: Bytes = latin1("GET / HTTP/1.1\r\n\r\n"),
): Promise<Reply> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = listener.accept().then(async (connection) => {
    await serve(connection);
    connection.close();
  });
  const reply = await exchange({
    hostname: "127.0.0.1",
    port: (listener.addr as Deno.NetAddr).port,
    request,
    halfClosed: false,
    boundMs: 200,
    clock: systemClock,
  });
  await served;
  return reply;
}

Deno.test("wire: an answer counts though the request was not read to its end", async () => {
  const reply = await sent(
    async (connection) => {
      await connection.read(new Uint8Array(10));
      await connection.write(latin1("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"));
    },
    join("POST / HTTP/1.1\r\n\r\n", new Uint8Array(3_000)),
  );
  assert.equal(reply.kind === "response" && reply.status, 413);
});

Deno.test("wire: a connection that ends early is broken, one that never answers hangs", async () => {
  const broken = await sent(async (connection) => {
    await connection.read(new Uint8Array(100));
    await connection.write(latin1("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"));
  });
  assert.equal(broken.kind, "broken");
  const hung = await sent(async (connection) => {
    while (await connection.read(new Uint8Array(100)) !== null);
  });
  assert.equal(hung.kind, "hung");
});

Deno.test("wire: the head of a stream of events is the answer, as it may have no end", () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  assert.equal(read(`${head}retry: 1000\n\n`), "200 ");
});
