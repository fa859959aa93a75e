import assert from "node:assert/strict";
import { assertProblem, assertSees, call, form, inParallel, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { testWeir } from "./weir.ts";

const RED = await colourPicture([250, 20, 10]);
const GREEN = await colourPicture([10, 200, 30]);
const BLUE = await colourPicture([30, 0, 220]);

testWeir("a photo is answered, however it is sent and fetched", {}, async ({ url }, step) => {
  await step("as a bare body", async () => {
    const { status, body } = await post(`${url}/predict`, RED.bytes);
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body), ["success", "predictions"]);
    assert.equal(body.success, true);
    assert.equal(body.predictions.length, 4);
    assertSees(body.predictions, RED);
  });

  await step("as a form's field", async () => {
    const { status, body } = await post(`${url}/predict`, form(GREEN.bytes));
    assert.equal(status, 200);
    assert.equal("results" in body, false);
    assertSees(body.predictions, GREEN);
  });

  await step("one of several in a form, each in its place", async () => {
    const pictures = [BLUE, RED, GREEN, RED];
    const { body } = await post(`${url}/predict`, form(...pictures.map(({ bytes }) => bytes)));
    assert.equal(body.results.length, pictures.length);
    pictures.forEach((picture, i) => assertSees(body.results[i].predictions, picture));
    assert.deepEqual(body.predictions, body.results[0].predictions);
  });

  await step(
    "with as many classes as it was asked for, of the model it was asked for",
    async () => {
      const { body } = await post(`${url}/predict?top=2&model=colour`, RED.bytes);
      assert.equal(body.predictions.length, 2);
      assertSees(body.predictions, RED);
    },
  );

  await step("as a job: accepted at once, read when it is done", async () => {
    const accepted = await post(`${url}/v1/jobs?top=1`, RED.bytes);
    assert.equal(accepted.status, 202);
    const location = accepted.headers.get("location")!;
    assert.equal(location, `/v1/jobs/${accepted.body.id}`);
    const { status, body } = await call(url + location, { headers: { prefer: "wait=30" } });
    assert.equal(status, 200);
    assert.equal(body.state, "succeeded");
    assert.equal(body.result.predictions.length, 1);
    assertSees(body.result.predictions, RED);
    const { attempts, images, model, error } = body;
    assert.deepEqual({ attempts, images, model, error }, {
      attempts: 1,
      images: { total: 1, done: 1 },
      model: "colour",
      error: null,
    });
    const times = [body.createdAt, body.startedAt, body.finishedAt];
    assert.deepEqual(times, times.map((time) => new Date(time).toISOString()).sort());
    for (const stage of ["queueMs", "decodeMs", "inferMs", "totalMs"]) {
      assert(body.timings[stage] >= 0, stage);
    }
    assert.deepEqual((await call(url + location)).body, body);
    assertProblem(await call(url + location, { method: "DELETE" }), "job_finished", 409);
  });

  await step("as a job that the client prefers to wait for", async () => {
    const { status, headers, body } = await post(`${url}/v1/jobs`, form(BLUE.bytes, GREEN.bytes), {
      prefer: "wait=30",
    });
    assert.equal(status, 200);
    assert.equal(headers.get("preference-applied"), "wait=30");
    assert.equal(headers.get("location"), `/v1/jobs/${body.id}`);
    assert.equal(body.state, "succeeded");
    assertSees(body.result.results[0].predictions, BLUE);
    assertSees(body.result.results[1].predictions, GREEN);
  });
});

testWeir("many clients at once get each their own answer", { workers: 2 }, async ({ url }) => {
  const pictures = [RED, GREEN, BLUE];
  const answers = await inParallel(96, 96, (i) => post(`${url}/predict`, pictures[i % 3]!.bytes));
  answers.forEach(({ status, body }, i) => {
    assert.equal(status, 200, JSON.stringify(body));
    assertSees(body.predictions, pictures[i % 3]!);
  });
});

testWeir("a gateway says what is served and how it is", {}, async (weir, step) => {
  const { url } = weir;
  await step("with every model's name, engine, input and labels", async () => {
    const { status, body } = await call(`${url}/v1/models`);
    assert.equal(status, 200);
    const colour = {
      name: "colour",
      version: "1",
      default: true,
      engine: "wasm",
      input: { width: 4, height: 4 },
      output: { kind: "classes", shape: [4] },
      top: 5,
      labels: ["red", "green", "blue", "grey"],
      readyWorkers: 1,
      versions: [{ version: "1", readyWorkers: 1 }],
    };
    assert.deepEqual(body, { models: [colour] });
    assert.deepEqual((await call(`${url}/v1/models/colour`)).body, colour);
  });

  await step("with a page to try it", async () => {
    const { status, headers, body } = await call(url);
    assert.equal(status, 200);
    assert.match(headers.get("content-type")!, /^text\/html/);
    assert.match(body, /<input[^>]+type="file"/);
  });

  await step("with a document of all of it, and a page that shows it", async () => {
    const { body } = await call(`${url}/openapi.json`);
    assert.match(body.openapi, /^3\.1\./);
    assert(body.paths["/predict"].post);
    const docs = await call(`${url}/docs`);
    assert.match(docs.headers.get("content-type")!, /^text\/html/);
    assert.match(docs.body, /<article id="predict">/);
  });

  await step("with an id on every answer", async () => {
    for (const path of ["/healthz", "/v1/models", "/nowhere"]) {
      assert.match((await call(url + path)).headers.get("x-request-id")!, /^[\da-f-]{36}$/, path);
    }
  });

  await step("with a problem for what is not there", async () => {
    const id = "0-00000000-0000-4000-8000-000000000000";
    const paths = ["/nowhere", "/v1/models/cat", `/v1/jobs/${id}`, "/v1/jobs/nonsense"];
    for (const path of paths) assertProblem(await call(url + path), "not_found", 404);
    assertProblem(await call(`${url}/v1/jobs/${id}`, { method: "DELETE" }), "not_found", 404);
    const wrongVerb = await call(`${url}/predict`);
    assertProblem(wrongVerb, "method_not_allowed", 405);
    assert.equal(wrongVerb.headers.get("allow"), "POST");
    assertProblem(
      await call(`${url}/v1/jobs`, { method: "DELETE" }),
      "method_not_allowed",
      405,
    );
  });

  await step("ready only while a worker serves the default model", async () => {
    assert.equal((await call(`${url}/healthz`)).status, 200);
    assert.equal((await call(`${url}/readyz`)).status, 200);
    await weir.stopWorker(weir.workers[0]!);
    assertProblem(await call(`${url}/readyz`), "busy", 503);
    assert.equal((await call(`${url}/healthz`)).status, 200);
    assert.equal((await call(`${url}/v1/models/colour`)).body.readyWorkers, 0);
  });
});
