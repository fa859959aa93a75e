/** Models that are no classifiers, by every way in that needs no socket. */
import assert from "node:assert/strict";
import type { ImageAnswer } from "../../shared/job.ts";
import type { ModelCard } from "../../shared/model_card.ts";
import { announceWorker, CARD } from "../../shared/testing/broker.ts";
import { floatsIn } from "../../shared/tensor.ts";
import { formOf, openApp, type OpenedApp, PHOTO, problem } from "../testing/app.ts";
import { eventsOfStream } from "../testing/event_text.ts";

/** A kind of model, what it answers, and how clients read that. */
interface Kind {
  readonly output: ModelCard["output"];
  readonly answer: ImageAnswer;
  readonly view: Readonly<Record<string, unknown>>;
}

const EMBEDDING: Kind = {
  output: { kind: "embedding", shape: [3] },
  answer: { embedding: Float32Array.of(0.1, -2, 1e-7) },
  view: { embedding: [0.1, -2, 1e-7] },
};

const TENSOR: Kind = {
  output: { kind: "tensor", shape: [2, 1, 1] },
  answer: { tensor: { shape: [2, 1, 1], data: Float32Array.of(0.3, 4) } },
  view: { tensor: { shape: [2, 1, 1], data: [0.3, 4] } },
};

const KINDS = [EMBEDDING, TENSOR];

/** An application whose one model is of the kind. */
async function open({ output }: Pick<Kind, "output">): Promise<OpenedApp> {
  const opened = await openApp({ served: false });
  await announceWorker(opened.broker.shard, { models: [{ ...CARD, output, labels: [] }] });
  return opened;
}

/** Answers the next job's images, each with the same. */
async function answer({ begin }: OpenedApp, { answer }: Kind): Promise<void> {
  const { delivery, end } = await begin();
  assert.equal(delivery.top, undefined);
  await end({ state: "succeeded", results: delivery.images.map(() => answer), timings: {} });
}

for (const kind of KINDS) {
  const { output: { kind: name }, view } = kind;
  Deno.test(`predict answers with ${name}, one image and several`, async () => {
    await using opened = await open(kind);
    const asking = opened.post("/predict");
    await answer(opened, kind);
    assert.deepEqual(await (await asking).json(), { success: true, ...view });
    const askingTwo = opened.post("/predict", formOf(2));
    await answer(opened, kind);
    const both = { success: true, ...view, results: [view, view] };
    assert.deepEqual(await (await askingTwo).json(), both);
  });

  Deno.test(`a job has ${name} as its result and in its events, and keeps it`, async () => {
    await using opened = await open(kind);
    const { app, post } = opened;
    const headers = { "idempotency-key": "once" };
    const { id } = await (await post("/v1/jobs", { headers })).json();
    const following = await app.request(`/v1/jobs/${id}/events`);
    await answer(opened, kind);
    const events = await Array.fromAsync(eventsOfStream(following.body));
    assert.deepEqual(events.map(({ name }) => name), [
      "queued",
      "running",
      "prediction",
      "succeeded",
    ]);
    assert.deepEqual(events[2]!.data, { index: 0, ...view });
    assert.deepEqual(events[3]!.data.result, view);
    assert.deepEqual((await (await app.request(`/v1/jobs/${id}`)).json()).result, view);
    const again = await post("/v1/jobs", {
      headers: { ...headers, prefer: "wait=5" },
    });
    assert.deepEqual((await again.json()).result, view);
  });
}

Deno.test("a model without classes refuses to give a number of them, wherever it is asked", async () => {
  await using opened = await open(EMBEDDING);
  const detail = '"top" is for classes, model "shapes" answers with "embedding"';
  for (const path of ["/predict?top=5", "/v1/jobs?top=1"]) {
    assert.equal(await problem(await opened.post(path), 400, "invalid_request"), detail);
  }
  const response = await infer(opened, { parameters: { top: 2 } });
  assert.deepEqual([response.status, (await response.json()).error], [400, detail]);
});

Deno.test("a request for more numbers than an answer may hold is refused", async () => {
  await using opened = await open({ output: { kind: "tensor", shape: [256, 256] } });
  assert.equal(
    await problem(await opened.post("/predict", formOf(5)), 413, "payload_too_large"),
    'model "shapes" answers each with 65536 numbers, so at most 4 images are accepted, not 5',
  );
  assert.equal((await opened.post("/v1/jobs", formOf(4))).status, 202);
});

/** Asks for the answers of two photos. */
async function infer({ post }: OpenedApp, more: Record<string, unknown> = {}): Promise<Response> {
  const data = [PHOTO.toBase64(), PHOTO.toBase64()];
  const inputs = [{ name: "image", datatype: "BYTES", shape: [2], data }];
  return await post("/v2/models/shapes/infer", { body: JSON.stringify({ inputs, ...more }) });
}

for (const kind of KINDS) {
  const { output: { kind: name, shape }, view } = kind;
  const numbers = [view.embedding ?? (view.tensor as { data: unknown }).data].flat() as number[];

  Deno.test(`v2 names the output ${name}, and answers with it in both forms`, async () => {
    await using opened = await open(kind);
    const described = await (await opened.app.request("/v2/models/shapes")).json();
    assert.deepEqual(described.outputs, [{ name, datatype: "FP32", shape: [-1, ...shape] }]);

    const asJson = infer(opened);
    await answer(opened, kind);
    const data = [...numbers, ...numbers];
    const { outputs } = await (await asJson).json();
    assert.deepEqual(outputs, [{ name, datatype: "FP32", shape: [2, ...shape], data }]);

    const asBytes = infer(opened, { outputs: [{ name, parameters: { binary_data: true } }] });
    await answer(opened, kind);
    const response = await asBytes;
    const head = Number(response.headers.get("inference-header-content-length"));
    const bytes = await response.bytes();
    assert.deepEqual(floatsIn(bytes.subarray(head)), Float32Array.from(data));
  });

  Deno.test(`v2 refuses another output than ${name} of such a model`, async () => {
    await using opened = await open(kind);
    const refused = await infer(opened, { outputs: [{ name: "labels" }] });
    const { error } = await refused.json();
    const reason = `read output "labels": model "shapes" gives "${name}"`;
    assert.deepEqual([refused.status, error], [400, reason]);
  });
}
