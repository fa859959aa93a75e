import assert from "node:assert/strict";
import { event, JOB_ID, type OpenClient, openClient, problem } from "./testing/client.ts";

/** A client of a server that gives these answers in order, the last for ever. */
function open(...answers: readonly (() => Response)[]): OpenClient {
  return openClient((_, index) => answers[Math.min(index, answers.length - 1)]!());
}

const busy = () => problem(503, "Server busy, please retry your request");

/** What is heard of a job, and why there is no more to hear. */
async function heardOf({ client }: OpenClient): Promise<unknown[]> {
  const heard: unknown[] = [];
  const hear = (name: string) => void heard.push(name);
  const end = await client.follow(JOB_ID, hear, new AbortController().signal);
  return [...heard, end?.reason];
}

Deno.test("a job is followed through broken streams and refusals that pass, each event once", async () => {
  await using opened = open(
    () => new Response(`retry: 1000\n\n${event(0, "queued")}`),
    busy,
    () => new Response(event(1, "running")),
    () => new Response(event(2, "prediction") + event(3, "succeeded")),
  );
  assert.deepEqual(
    await heardOf(opened),
    ["queued", "running", "prediction", "succeeded", undefined],
  );
  const ids = opened.asked.map(({ headers }) => headers.get("last-event-id"));
  assert.deepEqual(ids, [null, "0", "0", "1"]);
});

Deno.test("a job that is gone is not asked for again", async () => {
  await using opened = open(
    () => new Response(event(0, "queued")),
    () => problem(404, "no such job"),
  );
  assert.deepEqual(await heardOf(opened), ["queued", "No such job."]);
  assert.equal(opened.asked.length, 2);
});

Deno.test("a gateway that stays away is asked for a while, and then no more", async () => {
  await using opened = open(busy);
  assert.deepEqual(await heardOf(opened), ["Server busy, please retry your request."]);
  assert.equal(opened.asked.length, 11);
});

Deno.test("following ends with its signal, while it reads and before it asks", async () => {
  const stop = new AbortController();
  const begun = Promise.withResolvers<void>();
  const endless = new ReadableStream({
    start: (c) => c.enqueue(new TextEncoder().encode(":\n\n")),
  });
  await using opened = open(() => {
    begun.resolve();
    return new Response(endless);
  });
  const { client } = opened;
  const reading = client.follow(JOB_ID, () => {}, stop.signal);
  await begun.promise;
  stop.abort();
  await assert.rejects(reading, { name: "AbortError" });
  await assert.rejects(client.follow(JOB_ID, () => {}, stop.signal), { name: "AbortError" });
});

Deno.test("the key is sent with everything, until it is forgotten", async () => {
  await using opened = open(() => Response.json({ models: [] }));
  const { client, asked } = opened;
  await client.ask("v1/models");
  client.key = "weir_a";
  await client.ask("v1/models");
  client.key = "";
  await client.ask("v1/models");
  const sent = asked.map(({ headers }) => headers.get("authorization"));
  assert.deepEqual(sent, [null, "Bearer weir_a", null]);
});

Deno.test("a key that is wanted is told of, and the problem's detail is the reason", async () => {
  await using opened = open(() => problem(401, "the API key is not known"));
  assert.deepEqual(await opened.client.ask("v1/models"), {
    ok: false,
    reason: "The API key is not known.",
    status: 401,
    passing: true,
  });
  assert.deepEqual(opened.wanted, ["key"]);
});

Deno.test("an answer that is no problem, and no answer at all, have a reason too", async () => {
  const { client, asked, [Symbol.asyncDispose]: close } = open(
    () => new Response("<h1>Bad gateway</h1>", { status: 502 }),
  );
  const refused = await client.ask("v1/models");
  assert(!refused.ok);
  assert.equal(refused.reason, "The gateway answered 502 without a reason.");
  await close();
  const away = await client.ask("v1/models");
  assert(!away.ok && away.passing);
  assert.equal(away.reason, "The gateway cannot be reached. Is it still running?");
  assert.equal(asked.length, 1);
});

Deno.test("a stream without an end is opened again until it is refused, and says so", async () => {
  await using opened = open(
    () => new Response("event: view\ndata: 1\n\n"),
    busy,
    () => new Response("event: points\ndata: 2\n\n"),
    () => problem(401, "an API key is needed"),
  );
  const heard: unknown[] = [];
  const broke: string[] = [];
  const refusal = await opened.client.watch(
    "admin/dashboard",
    (name, data) => heard.push([name, data]),
    ({ reason }) => broke.push(reason),
    new AbortController().signal,
  );
  assert.deepEqual(heard, [["view", 1], ["points", 2]]);
  assert.equal(broke.length, 3);
  assert.deepEqual([refusal.status, refusal.reason], [401, "An API key is needed."]);
  assert.equal(opened.asked.length, 4);
});
