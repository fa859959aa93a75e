import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { openApp, type OpenedApp, PHOTO } from "../testing/app.ts";
import { unpackElements } from "./byte_elements.ts";

const INFER = "/v2/models/shapes/infer";
const IMAGE = PHOTO.toBase64();

/** A request with so many photos. */
function asked(photos: number, more: Record<string, unknown> = {}): RequestInit {
  const data = Array(photos).fill(IMAGE);
  const inputs = [{ name: "image", datatype: "BYTES", shape: [photos], data }];
  return { body: JSON.stringify({ inputs, ...more }) };
}

/** Asserts that an answer is a problem, and gives its `error`. */
async function errorOf(response: Response, status: number, code: string): Promise<string> {
  const { code: answered, error } = await response.json();
  assert.deepEqual([response.status, answered], [status, code], error);
  return error;
}

async function assertNothingQueued({ broker }: OpenedApp): Promise<void> {
  assert.equal(await broker.redis.client.xlen("weir:{0}:jobs:shapes:0"), 0);
}

Deno.test("infer answers JSON with JSON, its images one job", async () => {
  await using opened = await openApp();
  for (const path of [INFER, "/v2/models/shapes/versions/1/infer"]) {
    const inferring = opened.post(path, asked(2, { id: "mine", parameters: { top: 7 } }));
    const delivery = await opened.answer();
    assert.deepEqual(delivery.images.map((image) => [...image]), [[...PHOTO], [...PHOTO]]);
    assert.equal(delivery.top, 7);
    const response = await inferring;
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.deepEqual(await response.json(), {
      id: "mine",
      model_name: "shapes",
      model_version: "1",
      outputs: [
        { name: "labels", datatype: "BYTES", shape: [2, 1], data: ["star", "star"] },
        { name: "probabilities", datatype: "FP32", shape: [2, 1], data: [0.75, 0.75] },
      ],
    });
  }
  assert.equal(opened.waiters.size, 0);
});

Deno.test("infer asks for the version that is named, and says which one answered", async () => {
  await using opened = await openApp();
  for (
    const [path, wanted] of [[INFER, undefined], [
      "/v2/models/shapes/versions/1/infer",
      "1",
    ]] as const
  ) {
    const inferring = opened.post(path, asked(1));
    const { delivery, end } = await opened.begin();
    assert.equal(delivery.version, wanted);
    const results = [{ predictions: [{ label: "star", probability: 1 }] }];
    await end({ state: "succeeded", results, version: "2", timings: {} });
    assert.equal((await (await inferring).json()).model_version, "2");
  }
});

Deno.test("infer takes a photo as bytes, compressed or not, and answers in bytes", async () => {
  await using opened = await openApp();
  const size = PHOTO.length + 4;
  const json = new TextEncoder().encode(JSON.stringify({
    inputs: [{
      name: "image",
      datatype: "BYTES",
      shape: [1],
      parameters: { binary_data_size: size },
    }],
    parameters: { binary_data_output: true },
  }));
  const body = Uint8Array.of(...json, PHOTO.length, 0, 0, 0, ...PHOTO);
  const length = { "inference-header-content-length": String(json.length) };
  for (
    const init of [
      { body, headers: length },
      {
        body: new Uint8Array(gzipSync(body)),
        headers: { ...length, "content-encoding": "gzip" },
      },
    ]
  ) {
    const inferring = opened.post(INFER, init);
    assert.deepEqual((await opened.answer()).images.map((image) => [...image]), [[...PHOTO]]);
    const response = await inferring;
    assert.equal(response.headers.get("content-type"), "application/octet-stream");
    const headLength = Number(response.headers.get("inference-header-content-length"));
    const bytes = await response.bytes();
    const { outputs } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, headLength)));
    assert.deepEqual(outputs, [
      { name: "labels", datatype: "BYTES", shape: [1, 1], parameters: { binary_data_size: 8 } },
      {
        name: "probabilities",
        datatype: "FP32",
        shape: [1, 1],
        parameters: { binary_data_size: 4 },
      },
    ]);
    const read = unpackElements(bytes.subarray(headLength, -4), 1);
    assert(read.ok);
    assert.equal(new TextDecoder().decode(read.elements[0]), "star");
    const [probability] = new Float32Array(Uint8Array.from(bytes.subarray(-4)).buffer);
    assert.equal(probability, 0.75);
  }
});

Deno.test("infer answers the outputs that are asked for, each in its form and order", async () => {
  await using opened = await openApp();
  const outputs = [
    { name: "probabilities" },
    { name: "labels", parameters: { binary_data: true } },
  ];
  const inferring = opened.post(INFER, asked(1, { outputs }));
  await opened.answer();
  const response = await inferring;
  const headLength = Number(response.headers.get("inference-header-content-length"));
  const text = await response.text();
  assert.deepEqual(JSON.parse(text.slice(0, headLength)).outputs, [
    { name: "probabilities", datatype: "FP32", shape: [1, 1], data: [0.75] },
    { name: "labels", datatype: "BYTES", shape: [1, 1], parameters: { binary_data_size: 8 } },
  ]);
  assert.equal(text.slice(headLength), "\x04\0\0\0star");
});

Deno.test("infer's deadline is that of its body, or of its header", async () => {
  await using opened = await openApp();
  const headers = { "x-request-timeout-ms": "60000" };
  for (
    const [parameters, ms] of [[{ timeout: 5_000_000 }, 5_000], [{ timeout: 0 }, 60_000]] as const
  ) {
    const inferring = opened.post(INFER, { ...asked(1, { parameters }), headers });
    const { id } = await opened.answer();
    const record = await opened.broker.queue.get(id);
    assert.equal(record!.deadlineAt - record!.createdAt, ms);
    assert.equal((await inferring).status, 200);
  }
});

Deno.test("infer cancels the job of a client that leaves", async () => {
  await using opened = await openApp();
  const client = new AbortController();
  const inferring = opened.post(INFER, { ...asked(1), signal: client.signal });
  const { delivery } = await opened.begin();
  client.abort();
  await inferring.catch(() => {});
  let record;
  do record = await opened.broker.queue.get(delivery.id); while (record?.state === "running");
  assert.equal(record?.state, "cancelled");
});

Deno.test("infer says why a job has no answer", async () => {
  await using opened = await openApp();
  const inferring = opened.post(INFER, asked(1));
  const error = { code: "undecodable_image", detail: "damaged" } as const;
  await (await opened.begin()).end({ state: "failed", error, timings: {} });
  assert.equal(await errorOf(await inferring, 422, "undecodable_image"), "damaged");
});

const refusals: [title: string, path: string, init: RequestInit, status: number, code: string][] = [
  ["an unknown model", "/v2/models/none/infer", asked(1), 404, "not_found"],
  [
    "an unknown version",
    "/v2/models/shapes/versions/2/infer",
    asked(1),
    404,
    "not_found",
  ],
  ["no JSON", INFER, { body: "{" }, 400, "invalid_request"],
  [
    "JSON longer than the body",
    INFER,
    { ...asked(1), headers: { "inference-header-content-length": "999" } },
    400,
    "invalid_request",
  ],
  [
    "a length that is none",
    INFER,
    { ...asked(1), headers: { "inference-header-content-length": "-1" } },
    400,
    "invalid_request",
  ],
  ["too many images", INFER, asked(65, { inputs: [] }), 400, "invalid_request"],
  [
    "a text for a photo",
    INFER,
    asked(1, { inputs: [{ name: "image", datatype: "BYTES", shape: [1], data: ["dGV4dA=="] }] }),
    415,
    "unsupported_media_type",
  ],
  [
    "a tensor in the place of a photo",
    INFER,
    asked(1, {
      inputs: [{
        name: "image",
        datatype: "BYTES",
        shape: [1],
        data: [new TextEncoder().encode("\x93NUMPY\x01\x00").toBase64()],
      }],
    }),
    415,
    "unsupported_media_type",
  ],
  ["too many bytes", INFER, { body: new Uint8Array(1_001) }, 413, "payload_too_large"],
  [
    "a body that inflates to too many",
    INFER,
    {
      body: new Uint8Array(gzipSync(new Uint8Array(100_000))),
      headers: { "content-encoding": "gzip" },
    },
    413,
    "payload_too_large",
  ],
  [
    "another compression",
    INFER,
    { ...asked(1), headers: { "content-encoding": "zstd" } },
    415,
    "unsupported_media_type",
  ],
];

Deno.test("infer refuses what it cannot do, and queues nothing", async (t) => {
  await using opened = await openApp();
  for (const [title, path, init, status, code] of refusals) {
    await t.step(title, async () => {
      await errorOf(await opened.post(path, init), status, code);
      await assertNothingQueued(opened);
    });
  }
  await t.step("anything while it drains", async () => {
    opened.drain();
    await errorOf(await opened.post(INFER, asked(1)), 503, "at_capacity");
    await assertNothingQueued(opened);
  });
});
