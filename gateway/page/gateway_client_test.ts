import assert from "node:assert/strict";
import { type ClientParts, GatewayClient } from "./gateway_client.ts";

const ID = "0-5f8a3a9e-3c07-4c0e-9d3c-2f1f7c1f6b52";
const PROBLEM = { "content-type": "application/problem+json" };

interface Opened extends AsyncDisposable {
  readonly client: GatewayClient;
  /** Headers of the requests, in order. */
  readonly asked: Headers[];
  /** Signs that a key is wanted. */
  readonly wanted: string[];
}

/** A client of a server on loopback that gives these answers in order, the last for ever. */
function open(answers: readonly (() => Response)[], parts: Partial<ClientParts> = {}): Opened {
  const asked: Headers[] = [];
  const wanted: string[] = [];
  const silent = { hostname: "127.0.0.1", port: 0, onListen: () => undefined };
  const server = Deno.serve(silent, (request) => {
    asked.push(new Headers(request.headers));
    return answers[Math.min(asked.length, answers.length) - 1]!();
  });
  const kept = new Map<string, string>();
  const client = new GatewayClient({
    base: `http://127.0.0.1:${server.addr.port}/`,
    storage: {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => void kept.set(name, value),
      removeItem: (name) => void kept.delete(name),
    },
    pause: (_, signal) => Promise.resolve(signal.throwIfAborted()),
    keyWanted: () => void wanted.push("key"),
    ...parts,
  });
  return { client, asked, wanted, [Symbol.asyncDispose]: () => server.shutdown() };
}

function event(id: number, name: string): string {
  return `event: ${name}\nid: ${id}\ndata: {"state": "${name}"}\n\n`;
}

const unavailable = () =>
  new Response(JSON.stringify({ detail: "Server busy, please retry" }), {
    status: 503,
    headers: PROBLEM,
  });

/** What is heard of a job. */
async function heardOf({ client }: Opened): Promise<unknown[]> {
  const heard: unknown[] = [];
  const hear = (name: string) => void heard.push(name);
  const end = await client.follow(ID, hear, new AbortController().signal);
  return [...heard, end?.reason];
}

Deno.test("a job is followed through broken streams and refusals that pass, each event once", async () => {
  await using opened = open([
    () => new Response(`retry: 1000\n\n${event(0, "queued")}`),
    unavailable,
    () => new Response(event(1, "running")),
    () => new Response(event(2, "prediction") + event(3, "succeeded")),
  ]);
  assert.deepEqual(
    await heardOf(opened),
    ["queued", "running", "prediction", "succeeded", undefined],
  );
  const ids = opened.asked.map((headers) => headers.get("last-event-id"));
  assert.deepEqual(ids, [null, "0", "0", "1"]);
});

Deno.test("a job that is gone is not asked for again", async () => {
  const gone = () => new Response('{"detail": "no such job"}', { status: 404, headers: PROBLEM });
  await using opened = open([() => new Response(event(0, "queued")), gone]);
  assert.deepEqual(await heardOf(opened), ["queued", "No such job."]);
  assert.equal(opened.asked.length, 2);
});

Deno.test("a gateway that stays away is asked for a while, and then no more", async () => {
  await using opened = open([unavailable]);
  assert.deepEqual(await heardOf(opened), ["Server busy, please retry."]);
  assert.equal(opened.asked.length, 11);
});

Deno.test("following ends with its signal, while it reads and while it waits", async () => {
  const stop = new AbortController();
  const endless = new ReadableStream({
    start: (c) => c.enqueue(new TextEncoder().encode(":\n\n")),
  });
  await using opened = open([() => new Response(endless)]);
  const { client } = opened;
  const reading = client.follow(ID, () => {}, stop.signal);
  while (opened.asked.length === 0) await Promise.race([reading, new Promise(setImmediate)]);
  stop.abort();
  await assert.rejects(reading, { name: "AbortError" });
  await assert.rejects(client.follow(ID, () => {}, stop.signal), { name: "AbortError" });
});

Deno.test("the key is sent with everything, until it is forgotten", async () => {
  await using opened = open([() => Response.json({ models: [] })]);
  const { client, asked } = opened;
  await client.ask("v1/models");
  client.key = "weir_a";
  await client.ask("v1/models");
  client.key = "";
  await client.ask("v1/models");
  const sent = asked.map((headers) => headers.get("authorization"));
  assert.deepEqual(sent, [null, "Bearer weir_a", null]);
});

Deno.test("a key that is wanted is told of, and the problem's detail is the reason", async () => {
  const detail = "the API key is not known";
  const body = JSON.stringify({ detail });
  await using opened = open([() => new Response(body, { status: 401, headers: PROBLEM })]);
  assert.deepEqual(await opened.client.ask("v1/models"), {
    ok: false,
    reason: "The API key is not known.",
    status: 401,
    passing: true,
  });
  assert.deepEqual(opened.wanted, ["key"]);
});

Deno.test("an answer that is no problem, and no answer at all, have a reason too", async () => {
  const { client, asked, [Symbol.asyncDispose]: close } = open([
    () => new Response("<h1>Bad gateway</h1>", { status: 502 }),
  ]);
  const refused = await client.ask("v1/models");
  assert(!refused.ok);
  assert.equal(refused.reason, "The gateway answered 502 without a reason.");
  await close();
  const away = await client.ask("v1/models");
  assert(!away.ok && away.passing);
  assert.equal(away.reason, "The gateway cannot be reached. Is it still running?");
  assert.equal(asked.length, 1);
});
