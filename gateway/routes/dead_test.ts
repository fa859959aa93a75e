import assert from "node:assert/strict";
import { bury, keys, MODEL, readOne, submit, success } from "../../shared/testing/broker.ts";
import { packTensor } from "../../shared/tensor.ts";
import { openApp, PHOTO, problem } from "../testing/app.ts";

/** An id of the right form that no job has. */
const UNKNOWN = "0-00000000-0000-4000-8000-000000000000";

Deno.test("dead letters are listed newest first, with how many there are", async () => {
  await using opened = await openApp();
  const { app, broker } = opened;
  assert.deepEqual(await (await app.request("/admin/dead")).json(), { letters: [], total: 0 });
  const [older, newer] = [await bury(broker), await bury(broker)];
  const response = await app.request("/admin/dead");
  assert.equal(response.status, 200);
  const { letters, total } = await response.json();
  assert.equal(total, 2);
  assert.deepEqual(letters.map(({ id }: { id: string }) => id), [newer, older]);
  const { failedAt, ...letter } = letters[1];
  assert.deepEqual(letter, {
    id: older,
    model: MODEL,
    reason: "it was given up",
    attempts: 1,
    images: 1,
    bytes: 4,
  });
  assert.match(failedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

Deno.test("a list is bounded, and may be of one model", async () => {
  await using opened = await openApp();
  const { app, broker } = opened;
  await bury(broker);
  const newest = await bury(broker);
  const { letters, total } = await (await app.request(`/admin/dead?limit=1&model=${MODEL}`)).json();
  assert.deepEqual(letters.map(({ id }: { id: string }) => id), [newest]);
  assert.equal(total, 2);
  for (
    const [query, detail] of [
      ["limit=0", 'parameter "limit" is not from 1 to 1000'],
      ["limit=1001", 'parameter "limit" is not from 1 to 1000'],
      ["limit=all", 'parameter "limit" is not a whole number'],
      ["max=3", 'parameter "max" is unknown'],
    ]
  ) {
    const response = await app.request(`/admin/dead?${query}`);
    assert.equal(await problem(response, 400, "invalid_request"), detail);
  }
  const other = await app.request("/admin/dead?model=other");
  assert.equal(await problem(other, 404, "not_found"), "no such model");
});

Deno.test("a replay is accepted as a new job, which runs and can be read", async () => {
  await using opened = await openApp();
  const { app, broker, log } = opened;
  const dead = await bury(broker);
  const response = await app.request(`/admin/dead/${dead}/replay`, {
    method: "POST",
    headers: { "x-request-timeout-ms": "12345" },
  });
  assert.equal(response.status, 202);
  const job = await response.json();
  assert.equal(response.headers.get("location"), `/v1/jobs/${job.id}`);
  assert.deepEqual([job.state, job.model, job.attempts], ["queued", MODEL, 0]);
  assert.notEqual(job.id, dead);
  const record = (await broker.queue.get(job.id))!;
  assert.equal(record.deadlineAt - record.createdAt, 12_345);
  assert.deepEqual(log.lines.at(-1), {
    level: "info",
    message: "dead letter replayed",
    fields: { letter: dead, job: job.id },
  });

  const delivery = await readOne(broker.source);
  await broker.source.begin([delivery]);
  await broker.source.settle([success(delivery)]);
  const done = await (await app.request(`/v1/jobs/${job.id}`)).json();
  assert.equal(done.state, "succeeded");
  assert.deepEqual(done.result.predictions, [{ label: "star", probability: 0.75 }]);
  assert.equal((await (await app.request(`/v1/jobs/${dead}`)).json()).state, "failed");
  const again = await app.request(`/admin/dead/${dead}/replay`, { method: "POST" });
  assert.equal(await problem(again, 404, "not_found"), "no such dead letter");
});

Deno.test("a replay that is not admitted is 503, and the letter stays", async () => {
  await using opened = await openApp({ jobsMax: 1 });
  const { app, broker, drain } = opened;
  const dead = await bury(broker);
  const replay = () => app.request(`/admin/dead/${dead}/replay`, { method: "POST" });
  const waiting = await submit(broker);
  const full = await replay();
  assert.equal(full.headers.get("retry-after"), "1");
  await problem(full, 503, "at_capacity");
  const delivery = await readOne(broker.source);
  assert.equal(delivery.id, waiting);
  await broker.source.begin([delivery]);
  await broker.source.settle([success(delivery)]);
  drain();
  await problem(await replay(), 503, "at_capacity");
  assert.equal(await broker.redis.client.xlen(keys.dead(MODEL)), 1);
});

Deno.test("a replay's deadline is checked before the letter is touched", async () => {
  await using opened = await openApp();
  const { app, broker } = opened;
  const dead = await bury(broker);
  const response = await app.request(`/admin/dead/${dead}/replay`, {
    method: "POST",
    headers: { "x-request-timeout-ms": "soon" },
  });
  const detail = await problem(response, 400, "invalid_request");
  assert.equal(detail, 'header "X-Request-Timeout-Ms" is not a whole number');
  assert.equal(await broker.redis.client.xlen(keys.dead(MODEL)), 1);
});

Deno.test("a discarded letter is gone, and asking again is 404", async () => {
  await using opened = await openApp();
  const { app, broker, log } = opened;
  const dead = await bury(broker);
  const discard = () => app.request(`/admin/dead/${dead}`, { method: "DELETE" });
  const response = await discard();
  assert.equal(response.status, 204);
  assert.equal(await response.text(), "");
  assert.equal(log.lines.at(-1)?.message, "dead letter discarded");
  await problem(await discard(), 404, "not_found");
  assert.equal((await (await app.request("/admin/dead")).json()).total, 0);
});

Deno.test("what is no letter's id is 404, and another verb is 405", async () => {
  await using opened = await openApp();
  const { app, broker } = opened;
  const alive = await submit(broker);
  for (const id of [UNKNOWN, "nonsense", alive]) {
    const replay = await app.request(`/admin/dead/${id}/replay`, { method: "POST" });
    assert.equal(await problem(replay, 404, "not_found"), "no such dead letter");
    const discard = await app.request(`/admin/dead/${id}`, { method: "DELETE" });
    assert.equal(await problem(discard, 404, "not_found"), "no such dead letter");
  }
  for (
    const [path, method, allow] of [
      ["/admin/dead", "DELETE", "GET"],
      [`/admin/dead/${UNKNOWN}`, "POST", "DELETE"],
      [`/admin/dead/${UNKNOWN}/replay`, "GET", "POST"],
    ] as const
  ) {
    const response = await app.request(path, { method });
    assert.equal(response.headers.get("allow"), allow);
    await problem(response, 405, "method_not_allowed");
  }
});

Deno.test("a letter's image is given as what it is, and as nothing that a browser would run", async () => {
  await using opened = await openApp();
  const { app, broker } = opened;
  const images = [{ bytes: PHOTO }, { bytes: new Uint8Array([0xff, 0xd8, 0xff]) }];
  const photo = await bury(broker, { images });
  const response = await app.request(`/admin/dead/${photo}/image`);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.bytes(), PHOTO);
  const { headers } = response;
  assert.equal(headers.get("content-type"), "image/gif");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal(headers.get("content-security-policy"), "default-src 'none'; sandbox");
  assert.equal(headers.get("cache-control"), "no-store");

  await app.request(`/admin/dead/${photo}`, { method: "DELETE" });
  const gone = await app.request(`/admin/dead/${photo}/image`);
  assert.equal(await problem(gone, 404, "not_found"), "no such dead letter");
});

Deno.test("a letter that holds a tensor has no image to give", async () => {
  await using opened = await openApp();
  const tensor = packTensor(new Uint8Array(4), [1]);
  const letter = await bury(opened.broker, { images: [{ bytes: tensor }] });
  const response = await opened.app.request(`/admin/dead/${letter}/image`);
  assert.equal(await problem(response, 404, "not_found"), "no such image in the dead letter");
});
