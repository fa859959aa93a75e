import assert from "node:assert/strict";
import { placesOf } from "../docs/document.ts";
import { keyDigest, newApiKey } from "../keys/api_key.ts";
import { CARD } from "../../shared/testing/broker.ts";
import { openApp, openBareApp } from "../testing/app.ts";

/** Asserts that an answer is a problem whose `error` is its detail, and gives that. */
async function errorOf(response: Response, status: number, code: string): Promise<string> {
  const body = await response.json();
  assert.deepEqual([response.status, body.status, body.code], [status, status, code]);
  assert.equal(typeof body.error, "string");
  assert.equal(body.error, body.detail);
  return body.error;
}

Deno.test("the server says who it is, and that data may be binary", async () => {
  const { app } = openBareApp();
  assert.deepEqual(await (await app.request("/v2")).json(), {
    name: "weir",
    version: "1",
    extensions: ["binary_tensor_data"],
  });
  assert.deepEqual(await (await app.request("/v2/health/live")).json(), { live: true });
});

Deno.test("the server is ready while a worker serves the default model", async () => {
  await using opened = await openApp();
  const ready = () => opened.app.request("/v2/health/ready");
  assert.deepEqual(await (await ready()).json(), { ready: true });
  opened.drain();
  assert.equal(await errorOf(await ready(), 503, "at_capacity"), "the gateway is draining");
  assert.equal((await opened.app.request("/v2/health/live")).status, 200);
});

Deno.test("a model's metadata tells its inputs and outputs, with its version and without", async () => {
  const { app } = openBareApp();
  for (const path of ["/v2/models/shapes", "/v2/models/shapes/versions/1"]) {
    assert.deepEqual(await (await app.request(path)).json(), {
      name: "shapes",
      versions: ["1"],
      platform: "wasm",
      inputs: [
        { name: "image", datatype: "BYTES", shape: [-1] },
        { name: "tensor", datatype: "FP32", shape: [-1, 64, 64, 3] },
      ],
      outputs: [
        { name: "labels", datatype: "BYTES", shape: [-1, -1] },
        { name: "probabilities", datatype: "FP32", shape: [-1, -1] },
      ],
    });
    const ready = await app.request(`${path}/ready`);
    assert.deepEqual(await ready.json(), { name: "shapes", ready: true });
  }
});

const NO_SUCH = 'no such model, the nearest is "shapes"';

Deno.test("a model that is not there, or not in that version, is 404 and not ready", async () => {
  const { app } = openBareApp();
  for (const path of ["/v2/models/none", "/v2/models/none/versions/1"]) {
    for (const asked of [path, `${path}/ready`]) {
      assert.equal(await errorOf(await app.request(asked), 404, "not_found"), NO_SUCH);
    }
  }
  for (const path of ["/v2/models/shapes/versions/2", "/v2/models/shapes/versions/2/ready"]) {
    assert.equal(
      await errorOf(await app.request(path), 404, "not_found"),
      'no version "2" of model "shapes" is served',
    );
  }
});

Deno.test("a version that some workers serve is there, and ready when all do", async () => {
  const versions = new Map([["1", 2], ["2", 1]]);
  const { app } = openBareApp({
    models: () => Promise.resolve([{ card: CARD, workers: 2, versions }]),
  });
  for (const version of ["1", "2"]) {
    const metadata = await (await app.request(`/v2/models/shapes/versions/${version}`)).json();
    assert.deepEqual(metadata.versions, ["1", "2"]);
  }
  const ready = (version: string) => app.request(`/v2/models/shapes/versions/${version}/ready`);
  assert.equal((await ready("1")).status, 200);
  assert.equal(
    await errorOf(await ready("2"), 503, "busy"),
    'not every worker serves version "2" of model "shapes"',
  );
});

Deno.test("a model without a worker is described, and not ready", async () => {
  await using opened = await openApp({ served: false });
  const { redis } = opened.broker;
  await redis.client.set("weir:{0}:offered:shapes", "1");
  assert.equal((await opened.app.request("/v2/models/shapes")).status, 200);
  const ready = await opened.app.request("/v2/models/shapes/ready");
  assert.equal(await errorOf(ready, 503, "busy"), 'no worker serves model "shapes"');
});

Deno.test("probes need no key, and all else under /v2 tells why in `error` without one", async () => {
  const keys = [{ name: "ada", digest: keyDigest(newApiKey()), role: "client" }] as const;
  await using opened = await openApp({ keys });
  const { app } = opened;
  const document = await (await app.request("/openapi.json")).json();
  const places = placesOf(document).filter(({ path }) => path.startsWith("/v2"));
  assert.equal(places.length, 9);
  const open: string[] = [];
  for (const { verb, path } of places) {
    const response = await app.request(path, { method: verb });
    if (response.ok) open.push(path);
    else await errorOf(response, 401, "unauthorized");
  }
  assert.deepEqual(open, ["/v2/health/live", "/v2/health/ready"]);
});

Deno.test("what is nowhere, or another verb, tells so in `error`", async () => {
  const { app } = openBareApp();
  await errorOf(await app.request("/v2/models/shapes/config"), 404, "not_found");
  await errorOf(await app.request("/v2", { method: "POST" }), 405, "method_not_allowed");
  const elsewhere = await (await app.request("/nowhere")).json();
  assert.equal(elsewhere.error, undefined);
});

Deno.test("a bug under /v2 tells nothing but that it is ours", async () => {
  const { app } = openBareApp({ models: () => Promise.reject(new Error("secret")) });
  const error = await errorOf(await app.request("/v2/models/shapes"), 500, "internal_error");
  assert.equal(error, "the fault is the server's, and was logged");
});
