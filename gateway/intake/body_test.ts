import fc from "fast-check";
import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { type Body, readBody, STRETCH_BYTES_MIN, STRETCH_MS } from "./body.ts";
import { ManualClock } from "../../shared/testing/manual_clock.ts";

const BODY_BYTES_MAX = 100_000;

/** A clock on which no time passes: no body is late by itself. */
const stopped: Clock = { ...systemClock, after: () => () => undefined };

const OPTIONS = { bodyBytesMax: BODY_BYTES_MAX, bodyTimeoutMs: 5_000, clock: stopped };

/** A request whose body comes in the given pieces, without a declared length. */
function streamed(pieces: readonly Uint8Array[]): Request {
  return new Request("http://localhost/", { method: "POST", body: ReadableStream.from(pieces) });
}

function codeOf(body: Body): string {
  return body.ok ? `${body.bytes.length} bytes` : body.code;
}

/** Sends raw bytes to a real server that reads its one request's body; gives what it read. */
async function overTcp(
  send: (connection: Deno.TcpConn) => Promise<void>,
  clock = stopped,
): Promise<{ body: Body; reply: string }> {
  const read = Promise.withResolvers<Body>();
  await using server = Deno.serve({ port: 0, onListen: () => undefined }, async (request) => {
    const body = await readBody(request, { ...OPTIONS, clock });
    read.resolve(body);
    return new Response(codeOf(body));
  });
  using connection = await Deno.connect({ port: server.addr.port });
  await send(connection);
  const body = await read.promise;
  // Not to the end: the server leaves the connection open where the body is unfinished.
  let reply = "";
  const bytes = new Uint8Array(1_000);
  while (!reply.endsWith(codeOf(body))) {
    const length = await connection.read(bytes);
    if (length === null) break;
    reply += new TextDecoder().decode(bytes.subarray(0, length));
  }
  return { body, reply };
}

function head(...headers: string[]): Uint8Array {
  const lines = ["POST / HTTP/1.1", "Host: localhost", "Connection: close", ...headers];
  return new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join("") + "\r\n");
}

Deno.test("body: a request without one has no bytes", async () => {
  const body = await readBody(new Request("http://localhost/"), OPTIONS);
  assert.deepEqual(body, { ok: true, bytes: new Uint8Array() });
});

Deno.test("body: a declared length above the bound is refused unread", async () => {
  const request = new Request("http://localhost/", {
    method: "POST",
    headers: { "content-length": String(BODY_BYTES_MAX + 1) },
    body: new Uint8Array(3),
  });
  assert.deepEqual(await readBody(request, OPTIONS), {
    ok: false,
    code: "payload_too_large",
    detail: "read body: at most 100000 bytes are accepted",
  });
  assert.equal(request.bodyUsed, false);
});

Deno.test("body: any pieces come out as one, or as too large from the bound on", async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 });
  await fc.assert(fc.asyncProperty(pieces, fc.integer({ min: 1, max: 4_000 }), async (all, max) => {
    const whole = new Uint8Array(all.flatMap((piece) => [...piece]));
    const body = await readBody(streamed(all), { ...OPTIONS, bodyBytesMax: max });
    if (whole.length > max) return assert.equal(codeOf(body), "payload_too_large");
    assert.deepEqual(body, { ok: true, bytes: whole });
  }));
});

Deno.test("body: a stream that never ends is cut off at the bound", async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
    cancel: () => void (cancelled = true),
  });
  const request = new Request("http://localhost/", { method: "POST", body: endless });
  assert.equal(codeOf(await readBody(request, OPTIONS)), "payload_too_large");
  assert.equal(cancelled, true);
});

Deno.test("body: one sent byte by byte takes no more memory than it has bytes", async () => {
  const pieces = Array.from({ length: 3_000 }, (_, i) => new Uint8Array(65_536).subarray(i, i + 1));
  const body = await readBody(streamed(pieces), OPTIONS);
  assert.ok(body.ok && body.bytes.length === 3_000 && body.bytes.buffer.byteLength <= 65_536);
});

Deno.test("body: a declared length over HTTP is read exactly", async () => {
  const { body } = await overTcp(async (connection) => {
    await connection.write(head("Content-Length: 6"));
    await connection.write(new Uint8Array([1, 2, 3]));
    await connection.write(new Uint8Array([4, 5, 6]));
  });
  assert.deepEqual(body, { ok: true, bytes: new Uint8Array([1, 2, 3, 4, 5, 6]) });
});

Deno.test("body: one that passes the bound over HTTP in chunks is refused with an answer", async () => {
  const chunk = new Uint8Array(0xffff + 8).fill(65);
  chunk.set(new TextEncoder().encode("ffff\r\n"));
  chunk.set([13, 10], chunk.length - 2);
  const { body, reply } = await overTcp(async (connection) => {
    await connection.write(head("Transfer-Encoding: chunked"));
    for (let i = 0; i < 2; i++) await new Blob([chunk]).stream().pipeTo(sink(connection));
  });
  assert.equal(codeOf(body), "payload_too_large");
  assert.match(reply, /payload_too_large$/);
});

/** Writes to a connection and leaves it open. */
function sink(connection: Deno.TcpConn): WritableStream<Uint8Array> {
  return new WritableStream({
    async write(bytes): Promise<void> {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    },
  });
}

Deno.test("body: one that comes too slowly is given up with an answer", async () => {
  const armed = Promise.withResolvers<{ ms: number; fire: () => void }>();
  const clock: Clock = {
    ...stopped,
    // The first timer is the one for the whole body.
    after: (ms, fire) => (armed.resolve({ ms, fire }), () => undefined),
  };
  const { body, reply } = await overTcp(async (connection) => {
    await connection.write(head("Content-Length: 100"));
    await connection.write(new Uint8Array(10));
    const timer = await armed.promise;
    assert.equal(timer.ms, OPTIONS.bodyTimeoutMs);
    timer.fire();
  }, clock);
  assert.deepEqual(body, {
    ok: false,
    code: "request_timeout",
    detail: "read body: not complete after 5000 ms",
  });
  assert.match(reply, /request_timeout$/);
});

Deno.test("body: a declared length has to come at the least rate on the whole", async () => {
  for (const [length, ms] of [[1, STRETCH_MS], [STRETCH_BYTES_MIN + 1, 2 * STRETCH_MS]]) {
    const timers: number[] = [];
    const clock: Clock = { ...stopped, after: (ms) => (timers.push(ms), () => undefined) };
    const headers = { "content-length": String(length) };
    const body = new Uint8Array(length!);
    const request = new Request("http://localhost/", { method: "POST", headers, body });
    const read = await readBody(request, { ...OPTIONS, bodyTimeoutMs: 1e6, clock });
    assert.deepEqual([codeOf(read), timers], [`${length} bytes`, [ms]]);
  }
});

Deno.test("body: one that comes drop by drop is given up before its time is over", async () => {
  for (const [rate, ends] of [[STRETCH_BYTES_MIN - 1, 1], [STRETCH_BYTES_MIN, 3]] as const) {
    const clock = new ManualClock();
    let stretches = 0;
    // Each stretch brings so much at its beginning; the last one nothing.
    const body = new ReadableStream<Uint8Array>({
      async pull(controller): Promise<void> {
        await clock.untilWaiting(2);
        if (stretches > 0) clock.advance(STRETCH_MS);
        if (stretches++ < ends) controller.enqueue(new Uint8Array(rate));
        else controller.close();
      },
    }, { highWaterMark: 0 });
    const request = new Request("http://localhost/", { method: "POST", body });
    const read = await readBody(request, { bodyBytesMax: 1e9, bodyTimeoutMs: 1e6, clock });
    const detail = "read body: fewer than 10240 bytes in 10000 ms";
    if (rate < STRETCH_BYTES_MIN) {
      assert.deepEqual(read, { ok: false, code: "request_timeout", detail });
    } else assert.equal(codeOf(read), `${3 * STRETCH_BYTES_MIN} bytes`);
    assert.equal(clock.waiting, 0);
  }
});

Deno.test("body: the timer is stopped once the body is there", async () => {
  let running = 0;
  const clock: Clock = {
    ...stopped,
    after: () => (running++, () => void running--),
  };
  await readBody(streamed([new Uint8Array(5)]), { ...OPTIONS, clock });
  await readBody(streamed([new Uint8Array(BODY_BYTES_MAX + 1)]), { ...OPTIONS, clock });
  assert.equal(running, 0);
});

Deno.test("body: a client that leaves in between is a value, not an exception", async () => {
  const started = Promise.withResolvers<void>();
  const clock: Clock = { ...stopped, after: () => (started.resolve(), () => undefined) };
  const { body } = await overTcp(async (connection) => {
    await connection.write(head("Content-Length: 100"));
    await connection.write(new Uint8Array(10));
    await started.promise;
    await connection.closeWrite();
  }, clock);
  assert.deepEqual(body, {
    ok: false,
    code: "invalid_request",
    detail: "read body: the connection ended before it was complete",
  });
});
