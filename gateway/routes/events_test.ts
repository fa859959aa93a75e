import assert from "node:assert/strict";
import type { JobId } from "../../shared/job.ts";
import { keys, submit } from "../../shared/testing/broker.ts";
import { monitor } from "../../shared/testing/redis.ts";
import { openApp, type OpenedApp, problem, STAR } from "../testing/app.ts";
import { eventsOfStream, type ReadEvent } from "../testing/event_text.ts";

function images(count: number): { readonly images: { readonly bytes: Uint8Array }[] } {
  return { images: Array.from({ length: count }, (_, i) => ({ bytes: new Uint8Array([i]) })) };
}

function follow({ app }: OpenedApp, id: string, lastEventId?: number | string): Promise<Response> {
  const headers = lastEventId === undefined ? [] : [["last-event-id", String(lastEventId)]];
  return app.request(`/v1/jobs/${id}/events`, { headers: headers as [string, string][] });
}

/** Reads a stream's events to its end. */
async function all(response: Response): Promise<ReadEvent[]> {
  assert.equal(response.status, 200);
  return await Array.fromAsync(eventsOfStream(response.body));
}

function shortOf(events: readonly ReadEvent[]): string[] {
  return events.map(({ name, id, data }) =>
    name === "prediction" ? `${id} image ${data.index}` : `${id} ${name}`
  );
}

/** Reads events one after the other. */
async function next(events: AsyncGenerator<ReadEvent>): Promise<string> {
  const { value } = await events.next();
  return shortOf([value])[0]!;
}

Deno.test("a job is followed from queued to its outcome, and the stream ends", async () => {
  await using opened = await openApp();
  const { app, broker, streams, waiters } = opened;
  const id = await submit(broker, images(3));
  const response = await follow(opened, id);
  const { headers } = response;
  assert.deepEqual(
    ["content-type", "cache-control", "x-accel-buffering"].map((name) => headers.get(name)),
    ["text/event-stream", "no-store, no-transform", "no"],
  );
  assert.equal(streams.size, 1);
  const events = eventsOfStream(response.body);
  assert.equal(await next(events), "0 queued");
  const { progress, end } = await opened.begin();
  assert.equal(await next(events), "1 running");
  await progress(0, 2);
  const { value: first } = await events.next();
  assert.deepEqual(first, { name: "prediction", id: 2, data: { index: 0, predictions: STAR } });
  assert.equal(await next(events), "3 image 1");
  const results = Array.from({ length: 3 }, () => ({ predictions: STAR }));
  await end({ state: "succeeded", results, timings: { inferMs: 2 } });
  assert.equal(await next(events), "4 image 2");
  const { value: last } = await events.next();
  assert.deepEqual(last, {
    name: "succeeded",
    id: 5,
    data: await (await app.request(`/v1/jobs/${id}`)).json(),
  });
  assert.deepEqual(await events.next(), { done: true, value: undefined });
  assert.deepEqual([streams.size, waiters.size], [0, 0]);
});

Deno.test("clients that join before, during and after a job are told the same", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker, images(2));
  const early = [all(await follow(opened, id)), all(await follow(opened, id))];
  const { progress, end } = await opened.begin();
  await progress(0, 1);
  const joined = all(await follow(opened, id));
  await end({
    state: "succeeded",
    results: [{ predictions: STAR }, { predictions: STAR }],
    timings: {},
  });
  const late = await all(await follow(opened, id));
  assert.deepEqual(shortOf(late), [
    "0 queued",
    "1 running",
    "2 image 0",
    "3 image 1",
    "4 succeeded",
  ]);
  for (const events of await Promise.all([...early, joined])) assert.deepEqual(events, late);
});

Deno.test("a client that knows an event is told what came after, and 204 after the last", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker, images(2));
  await opened.answer();
  const whole = await all(await follow(opened, id));
  for (let known = 0; known < whole.length - 1; known++) {
    const rest = await all(await follow(opened, id, whole[known]!.id));
    assert.deepEqual(rest, whole.slice(known + 1));
  }
  for (let again = 0; again < 2; again++) {
    assert.equal((await follow(opened, id, whole.at(-1)!.id)).status, 204);
  }
  assert.deepEqual([opened.streams.size, opened.waiters.size], [0, 0]);
});

for (const wrong of ["one", "-1", "1.5", "", "10000000000"]) {
  Deno.test(`Last-Event-ID "${wrong}" is not an event's id`, async () => {
    await using opened = await openApp();
    const id = await submit(opened.broker);
    const detail = await problem(await follow(opened, id, wrong), 400, "invalid_request");
    assert.equal(detail, 'header "Last-Event-ID" is not an event\'s id');
  });
}

Deno.test("an event that the job cannot have told is refused", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker);
  for (const wrong of [3, 4]) {
    const detail = await problem(await follow(opened, id, wrong), 400, "invalid_request");
    assert.equal(detail, `the job has not told of an event "${wrong}"`);
  }
  await opened.answer();
  assert.equal((await follow(opened, id, 3)).status, 204);
  await problem(await follow(opened, id, 4), 400, "invalid_request");
  assert.equal(opened.waiters.size, 0);
});

Deno.test("there is nothing to follow of a job that is not there, and nothing is left of it", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker);
  await opened.broker.redis.client.del(keys.job(id));
  await problem(await follow(opened, id), 404, "not_found");
  await problem(await follow(opened, "nonsense"), 404, "not_found");
  assert.deepEqual([opened.streams.size, opened.waiters.size], [0, 0]);
});

Deno.test("a job that is cancelled tells those who follow it", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker, images(2));
  const following = all(await follow(opened, id));
  await (await opened.begin()).progress(0, 1);
  await opened.app.request(`/v1/jobs/${id}`, { method: "DELETE" });
  assert.deepEqual(shortOf(await following), ["0 queued", "1 running", "2 image 0", "4 cancelled"]);
});

Deno.test("a job that fails tells those who follow it why", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker);
  const following = all(await follow(opened, id));
  const error = { code: "undecodable_image", detail: "damaged" } as const;
  await (await opened.begin()).end({ state: "failed", error, timings: {} });
  const events = await following;
  assert.deepEqual(shortOf(events), ["0 queued", "1 running", "3 failed"]);
  assert.deepEqual(events.at(-1)!.data.error, error);
});

Deno.test("a job's deadline ends the streams of those who follow it, also where no worker lives", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker, { timeoutMs: 100 });
  const events = await Promise.all([0, 1].map(async () => await all(await follow(opened, id))));
  for (const each of events) assert.deepEqual(shortOf(each), ["0 queued", "3 expired"]);
  assert.equal(opened.waiters.size, 0);
});

Deno.test("a client that leaves cancels nothing, and the log says nothing", async () => {
  await using opened = await openApp();
  const { broker, log, streams, waiters } = opened;
  const id = await submit(broker);
  const [leaving, staying] = [await follow(opened, id), await follow(opened, id)];
  await leaving.body?.cancel();
  assert.deepEqual([streams.size, waiters.size], [1, 1]);
  await opened.answer();
  assert.equal((await all(staying)).at(-1)!.name, "succeeded");
  assert.deepEqual(log.lines.filter(({ level }) => level !== "debug"), []);
});

Deno.test("a question for the head alone leaves nobody who follows", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker);
  const response = await opened.app.request(`/v1/jobs/${id}/events`, { method: "HEAD" });
  assert.deepEqual([response.status, response.body], [200, null]);
  assert.deepEqual([opened.streams.size, opened.waiters.size], [0, 0]);
});

Deno.test("a gateway that drains ends all streams, and begins none", async () => {
  await using opened = await openApp();
  const id = await submit(opened.broker);
  const following = [all(await follow(opened, id)), all(await follow(opened, id, 0))];
  opened.drain();
  assert.deepEqual((await Promise.all(following)).map(shortOf), [["0 queued"], []]);
  await problem(await follow(opened, id), 503, "at_capacity");
  assert.deepEqual([opened.streams.size, opened.waiters.size], [0, 0]);
});

Deno.test("a record that is lost ends the stream without an outcome", async () => {
  await using opened = await openApp();
  const { broker: { redis: { client } } } = opened;
  const id = await submit(opened.broker, { timeoutMs: 300 });
  const following = all(await follow(opened, id));
  await client.del(keys.job(id));
  assert.deepEqual(shortOf(await following), ["0 queued"]);
});

Deno.test("what was missed because the result stream was lost is told all the same", async () => {
  await using opened = await openApp();
  const { broker } = opened;
  const id = await submit(broker, images(2));
  const events = eventsOfStream((await follow(opened, id)).body);
  assert.equal(await next(events), "0 queued");
  await broker.redis.client.del(keys.results("g1"));
  const { progress } = await opened.begin();
  await progress(0, 1);
  await broker.feed.renew();
  assert.equal(await next(events), "1 running");
  assert.equal(await next(events), "2 image 0");
  await opened.app.request(`/v1/jobs/${id}`, { method: "DELETE" });
  assert.deepEqual(shortOf(await Array.fromAsync(events)), ["4 cancelled"]);
});

Deno.test("who joins too late for answers that are not kept is told of the gap, and of all in the end", async () => {
  const kept = JSON.stringify({ predictions: STAR }).length;
  await using opened = await openApp({ partialBytesMax: kept });
  const id = await submit(opened.broker, images(4));
  const early = all(await follow(opened, id));
  const { progress, end } = await opened.begin();
  for (let image = 0; image < 3; image++) await progress(image, image + 1);
  const late = eventsOfStream((await follow(opened, id)).body);
  assert.deepEqual([await next(late), await next(late), await next(late)], [
    "0 queued",
    "1 running",
    "2 image 0",
  ]);
  const { value: gap } = await late.next();
  assert.deepEqual(gap, { name: "gap", id: 4, data: { from: 1, to: 2 } });
  const results = Array.from({ length: 4 }, () => ({ predictions: STAR }));
  await end({ state: "succeeded", results, timings: {} });
  assert.equal(await next(late), "5 image 3");
  const { value: last } = await late.next();
  assert.equal(last.data.result.results.length, 4);
  assert.deepEqual((await early).map(({ name }) => name), [
    ...["queued", "running"],
    ...results.map(() => "prediction"),
    "succeeded",
  ]);
  await late.return(undefined);
});

Deno.test("a second attempt goes on where the first one ended, and nothing is told twice", async () => {
  await using opened = await openApp();
  const { broker } = opened;
  const id = await submit(broker, images(3));
  const early = all(await follow(opened, id));
  const { delivery, progress } = await opened.begin();
  await progress(0, 1);
  assert.equal(await broker.source.retry(delivery, 0), true);
  const between = all(await follow(opened, id));
  using other = broker.worker("w2");
  await broker.redis.client.xclaim(keys.jobs("shapes", 0), "workers", "w2", 0, delivery.entry);
  const [verdict] = await other.begin([delivery]);
  assert(verdict?.kind === "run" && verdict.attempt === 2 && verdict.done === 1);
  const again = all(await follow(opened, id));
  const results = [{ predictions: STAR }, { predictions: STAR }];
  await other.settle([
    { delivery, tell: verdict.tell, outcome: { state: "succeeded", results, timings: {} } },
  ]);
  const late = await all(await follow(opened, id));
  assert.deepEqual(shortOf(late), [
    "0 queued",
    "1 running",
    "2 image 0",
    "3 image 1",
    "4 image 2",
    "5 succeeded",
  ]);
  for (const events of await Promise.all([early, between, again])) assert.deepEqual(events, late);
});

Deno.test("clients that follow cost redis one command when they come, and none after", async () => {
  await using opened = await openApp();
  const { broker: { redis: { client } }, waiters } = opened;
  const id: JobId = await submit(opened.broker, images(2));
  await all(await follow(opened, await submit(opened.broker, { timeoutMs: 1 })));
  using kept = await monitor(client);
  const clients = Array.from({ length: 20 }, async () => all(await follow(opened, id)));
  while (waiters.countFor(id) < clients.length) await client.ping();
  const { progress, end } = await opened.begin();
  await progress(0, 1);
  await end({
    state: "succeeded",
    results: [{ predictions: STAR }, { predictions: STAR }],
    timings: {},
  });
  for (const events of await Promise.all(clients)) assert.equal(events.length, 5);
  const attached = kept.commands.filter(({ name, args }) => {
    return name.startsWith("eval") && args.includes(keys.job(id)) && args.at(-1) === "1" &&
      args.at(-2) === "g1";
  });
  assert.equal(attached.length, clients.length);
  const reads = kept.commands.filter(({ name, source }) => name === "hgetall" && source !== "lua");
  assert.deepEqual(reads, []);
});
