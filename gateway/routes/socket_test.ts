import assert from "node:assert/strict";
import { freeze } from "../../shared/testing/redis.ts";
import { ManualClock } from "../../shared/testing/manual_clock.ts";
import { type ApiKey, keyDigest, newApiKey } from "../keys/api_key.ts";
import {
  openApp,
  type OpenAppOptions,
  type OpenedApp,
  PHOTO,
  problem,
  STAR,
} from "../testing/app.ts";
import { RawSocket } from "../testing/raw_socket.ts";
import { SocketClient, type Told } from "../testing/socket_client.ts";

const KEY = newApiKey();
const ADA: ApiKey = { name: "ada", digest: keyDigest(KEY), role: "client" };
const PATH = "/v1/socket";

type SocketOptions = Parameters<typeof SocketClient.open>[1];

interface Served extends AsyncDisposable {
  readonly opened: OpenedApp;
  /** Address of the socket. */
  readonly url: string;
  open(options?: SocketOptions): Promise<SocketClient>;
}

/** The application at a port of its own. */
async function serve(options: OpenAppOptions = {}): Promise<Served> {
  await using stack = new AsyncDisposableStack();
  const opened = stack.use(await openApp(options));
  const silent = { hostname: "127.0.0.1", port: 0, onListen: () => undefined };
  const server = stack.use(Deno.serve(silent, opened.handler));
  const url = `http://127.0.0.1:${server.addr.port}${PATH}`;
  const kept = stack.move();
  return {
    opened,
    url,
    open: (options) => SocketClient.open(url, options),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Type and place of each message, as `1 accepted`. */
function outline(told: readonly Told[]): string[] {
  return told.map(({ seq, type }) => `${seq} ${type}`);
}

Deno.test("every image is told of from its acceptance to its outcome", async () => {
  await using served = await serve();
  const client = await served.open();
  client.send(PHOTO);
  const [accepted] = await client.until("accepted");
  await served.opened.answer();
  const [succeeded] = await client.until("succeeded");
  assert.deepEqual(outline(client.told), [
    "1 accepted",
    "1 queued",
    "1 running",
    "1 prediction",
    "1 succeeded",
  ]);
  assert.deepEqual(new Set(client.told.map(({ id }) => id)), new Set([accepted!.id]));
  assert.deepEqual(accepted, { type: "accepted", seq: 1, id: accepted!.id, window: 63 });
  assert.deepEqual(client.told[3]!.predictions, STAR);
  assert.equal(succeeded!.state, "succeeded");
  assert.deepEqual(succeeded!.result.predictions, STAR);
  const job = await (await served.opened.app.request(`/v1/jobs/${accepted!.id}`)).json();
  assert.deepEqual({ type: "succeeded", seq: 1, ...job }, succeeded);
  await client.close();
});

Deno.test("images are accepted in order, and answered in whatever order they are done", async () => {
  await using served = await serve();
  const client = await served.open();
  client.send(PHOTO, PHOTO, PHOTO);
  const accepted = await client.until("accepted", 3);
  assert.deepEqual(accepted.map(({ seq }) => seq), [1, 2, 3]);
  const begun = [];
  for (let i = 0; i < 3; i++) begun.push(await served.opened.begin());
  for (const job of begun.reverse()) {
    await job.end({ state: "succeeded", results: [{ predictions: STAR }], timings: {} });
  }
  const done = await client.until("succeeded", 3);
  assert.deepEqual(done.map(({ seq }) => seq), [3, 2, 1]);
  const idOf = (told: readonly Told[]) => new Map(told.map(({ seq, id }) => [seq, id]));
  assert.deepEqual(
    [...idOf(done)].sort(),
    [...idOf(accepted)].sort(),
  );
  await client.close();
});

Deno.test("what is no image is refused by its own message, and the socket goes on", async () => {
  await using served = await serve();
  const client = await served.open();
  const text = new TextEncoder().encode("not a photo");
  client.send(text, new Uint8Array(), "a text", PHOTO);
  await client.until("accepted");
  const codeOf = (seq?: number) =>
    client.told.find((told) => told.type === "error" && told.seq === seq)?.code;
  assert.equal(codeOf(2), "invalid_request");
  assert.equal(codeOf(undefined), "invalid_request");
  assert.deepEqual(client.told.find(({ seq }) => seq === 1), {
    type: "error",
    seq: 1,
    title: "Unsupported media type",
    status: 415,
    code: "unsupported_media_type",
    detail: "read image: not JPEG, PNG, WebP, GIF or AVIF",
  });
  assert.equal((await client.until("accepted"))[0]!.seq, 3);
  await client.close();
});

Deno.test("model and top are those of the address", async () => {
  await using served = await serve();
  const { broker } = served.opened;
  const client = await SocketClient.open(`${served.url}?model=shapes&top=1`);
  client.send(PHOTO);
  await client.until("accepted");
  const [delivery] = await broker.source.read(1, new AbortController().signal);
  assert.equal(delivery!.top, 1);
  const other = await SocketClient.open(`${served.url}?model=cat`);
  other.send(PHOTO);
  assert.equal((await other.until("error"))[0]!.code, "not_found");
  await assert.rejects(SocketClient.open(`${served.url}?top=0`), /refused/);
  await Promise.all([client.close(), other.close()]);
});

Deno.test("an image beyond the socket's bound is refused, one after an answer is not", async () => {
  await using served = await serve({ socket: { bounds: { inFlightMax: 2 } } });
  const client = await served.open();
  client.send(PHOTO, PHOTO, PHOTO);
  const [error] = await client.until("error");
  assert.deepEqual([error!.seq, error!.code, error!.retryAfter], [3, "at_capacity", 1]);
  assert.equal(error!.detail, "2 images of this socket are already in flight");
  const accepted = await client.until("accepted", 2);
  assert.equal(accepted[1]!.window, 0);
  const scrape = async () => await (await served.opened.app.request("/metrics")).text();
  assert.match(await scrape(), /^weir_socket_images_in_flight 2$/m);
  assert.match(await scrape(), /^weir_socket_clients 1$/m);
  await served.opened.answer();
  await client.until("succeeded");
  client.send(PHOTO);
  assert.equal((await client.until("accepted", 3))[2]!.seq, 4);
  await client.close();
});

Deno.test("images that wait are bounded in bytes, and refused when Redis does not come back", async () => {
  const bounds = { waitingBytesMax: PHOTO.length };
  await using served = await serve({ socket: { bounds }, redisTimeoutMs: 1_000 });
  const client = await served.open();
  client.send(PHOTO);
  // By now nothing more is asked of Redis for it.
  await client.until("queued");
  using _ = await freeze(served.opened.broker.redis);
  // One is on its way, one waits, and there is no room for the next.
  client.send(PHOTO, PHOTO, PHOTO);
  const [full, ...busy] = await client.until("error", 3);
  assert.deepEqual([full!.seq, full!.code], [4, "at_capacity"]);
  assert.equal(full!.detail, `${PHOTO.length} bytes of this socket's images are already waiting`);
  assert.deepEqual(busy.map(({ seq, code }) => [seq, code]), [[2, "busy"], [3, "busy"]]);
  await client.close();
});

Deno.test("a queue that is full refuses images as it does requests", async () => {
  await using served = await serve({ jobsMax: 1 });
  const client = await served.open();
  client.send(PHOTO, PHOTO);
  const [error] = await client.until("error");
  assert.deepEqual([error!.seq, error!.status, error!.code], [2, 503, "at_capacity"]);
  await client.close();
});

Deno.test("each image counts towards the key's quota", async () => {
  const quota = { windowMs: 3_600_000, requestsMax: 1 };
  await using served = await serve({ keys: [{ ...ADA, quota }] });
  const client = await served.open({ headers: { authorization: `Bearer ${KEY}` } });
  client.send(PHOTO, PHOTO);
  const [error] = await client.until("error");
  assert.deepEqual([error!.seq, error!.code], [2, "rate_limited"]);
  assert(error!.retryAfter > 3_000);
  await client.close();
});

Deno.test("an image that is too large closes the socket with 1009", async () => {
  await using served = await serve();
  const client = await served.open();
  client.send(new Uint8Array(1_000));
  assert.equal((await client.until("error"))[0]!.code, "unsupported_media_type");
  client.send(new Uint8Array(1_001));
  const reason = "at most 1000 bytes are accepted";
  assert.deepEqual(await client.closed, { code: 1009, reason });
});

Deno.test("the pieces of a message count together", async () => {
  await using served = await serve();
  using client = await RawSocket.open(served.url);
  await client.send(client.frame(2, new Uint8Array(600), { isLast: false }));
  await client.send(client.frame(0, new Uint8Array(600)));
  assert.equal(await client.closeCode(), 1009);
});

Deno.test("a frame that is declared larger than 64 MiB ends the connection before it has come", async () => {
  await using served = await serve();
  using client = await RawSocket.open(served.url);
  await client.send(client.header(2, 64 * 1024 * 1024 + 1));
  assert.equal(await client.closeCode(), undefined);
  assert.equal(served.opened.sockets.size, 0);
});

Deno.test("a client that does not read is given up", async () => {
  await using served = await serve({ socket: { bounds: { unreadBytesMax: 10_000 } } });
  const { sockets } = served.opened;
  using client = await RawSocket.open(served.url);
  const texts = await new Blob(Array.from({ length: 1_000 }, () => client.frame(1, PHOTO))).bytes();
  // The system's own buffers are filled first.
  for (let isCut = false; !isCut;) await client.send(texts).catch(() => isCut = true);
  assert.deepEqual([sockets.dropped, sockets.size], [1, 0]);
});

Deno.test("a gateway that stops does not wait for a client that does not answer", async () => {
  const clock = new ManualClock();
  await using served = await serve({ socket: { clock } });
  using client = await RawSocket.open(served.url);
  await clock.untilWaiting();
  served.opened.drain();
  assert.equal(await client.closeCode(), 1001);
  assert.equal(served.opened.sockets.size, 1);
  clock.advance(1_000);
  await served.opened.sockets.drained;
});

Deno.test("a socket without images is closed with 1000, unless one is in flight", async () => {
  const clock = new ManualClock();
  await using served = await serve({ socket: { clock } });
  const client = await served.open();
  client.send(PHOTO);
  await client.until("accepted");
  clock.advance(400_000);
  client.send("still there?");
  await client.until("error");
  await served.opened.answer();
  await client.until("succeeded");
  await clock.untilWaiting();
  clock.advance(299_999);
  client.send("still there?");
  await client.until("error", 2);
  clock.advance(299_999);
  assert.equal(client.socket.readyState, WebSocket.OPEN);
  clock.advance(1);
  assert.deepEqual(await client.closed, { code: 1000, reason: "idle" });
});

Deno.test("a gateway that stops answers what is in flight, takes no more, and closes with 1001", async () => {
  await using served = await serve();
  const { opened } = served;
  const [busy, idle] = [await served.open(), await served.open()];
  busy.send(PHOTO);
  await busy.until("accepted");
  opened.drain();
  const gone = { code: 1001, reason: "the gateway is stopping" };
  assert.deepEqual(await idle.closed, gone);
  await assert.rejects(served.open(), /refused/);
  busy.send(PHOTO);
  const [error] = await busy.until("error");
  assert.deepEqual([error!.seq, error!.code], [2, "at_capacity"]);
  await opened.answer();
  await busy.until("succeeded");
  assert.deepEqual(await busy.closed, gone);
  await opened.sockets.drained;
});

Deno.test("a client that leaves cancels nothing", async () => {
  await using served = await serve();
  const client = await served.open();
  client.send(PHOTO);
  const [{ id } = { id: "" }] = await client.until("accepted");
  await client.close();
  await served.opened.answer();
  const job = await (await served.opened.app.request(`/v1/jobs/${id}`)).json();
  assert.equal(job.state, "succeeded");
});

Deno.test("a cancelled job's image is told so", async () => {
  await using served = await serve();
  const client = await served.open();
  client.send(PHOTO);
  const [accepted] = await client.until("accepted");
  await served.opened.app.request(`/v1/jobs/${accepted!.id}`, { method: "DELETE" });
  assert.equal((await client.until("cancelled"))[0]!.seq, 1);
  await client.close();
});

Deno.test("a key comes as a header or as a subprotocol, and is never answered", async () => {
  await using served = await serve({ keys: [ADA] });
  for (
    const options of [
      { headers: { authorization: `Bearer ${KEY}` } },
      { protocols: ["weir", `weir.key.${KEY}`] },
      { protocols: [`weir.key.${KEY}`, "weir"] },
    ]
  ) {
    const client = await served.open(options);
    assert.equal(client.socket.protocol, "protocols" in options ? "weir" : "");
    client.send(PHOTO);
    const [{ id } = { id: "" }] = await client.until("accepted");
    const headers = { authorization: `Bearer ${KEY}` };
    assert.equal((await served.opened.app.request(`/v1/jobs/${id}`, { headers })).status, 200);
    await client.close();
  }
});

Deno.test("a socket without a key that is known is closed with 1008, other requests are 401", async () => {
  await using served = await serve({ keys: [ADA] });
  const closed = { code: 1008, reason: "no known API key" };
  for (
    const options of [
      {},
      { headers: { authorization: `Bearer ${newApiKey()}` } },
      { protocols: ["weir", `weir.key.${newApiKey()}`] },
    ]
  ) {
    const client = await served.open(options);
    client.send(PHOTO);
    assert.deepEqual(await client.closed, closed);
    assert.deepEqual(client.told, []);
  }
  assert.equal(served.opened.sockets.size, 0);
  await problem(await served.opened.app.request(PATH), 401, "unauthorized");
  const headers = { authorization: `Bearer ${KEY}` };
  const response = await served.opened.app.request(PATH, { headers });
  const detail = await problem(response, 400, "invalid_request");
  assert.equal(detail, "this path opens a WebSocket: send Upgrade: websocket");
});

Deno.test("a key that is removed closes its socket at the next image", async () => {
  const keys = [ADA];
  await using served = await serve({ keys });
  const client = await served.open({ headers: { authorization: `Bearer ${KEY}` } });
  client.send(PHOTO);
  await client.until("accepted");
  keys.length = 0;
  client.send(PHOTO);
  assert.equal((await client.closed).code, 1008);
});

Deno.test("pages of other origins open no socket, but those on the allow-list do", async () => {
  await using served = await serve({ corsOrigins: ["https://friend.example"] });
  const { origin } = new URL(served.url);
  for (const welcome of [origin, origin.replace("http", "https"), "https://friend.example"]) {
    await (await served.open({ headers: { origin: welcome } })).close();
  }
  for (const other of ["https://evil.example", "null", `${origin}0`]) {
    await assert.rejects(served.open({ headers: { origin: other } }), /refused/);
    const headers = { origin: other, upgrade: "websocket", connection: "upgrade" };
    const response = await served.opened.app.request(PATH, { headers });
    const detail = await problem(response, 403, "forbidden");
    assert.equal(detail, "pages of this origin may not open a socket here");
  }
});

Deno.test("beyond their bound no more sockets are opened", async () => {
  await using served = await serve({ socket: { socketsMax: 1 } });
  const client = await served.open();
  await assert.rejects(served.open(), /refused/);
  await client.close();
  const next = await served.open();
  await next.close();
});
