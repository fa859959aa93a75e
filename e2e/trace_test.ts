import assert from "node:assert/strict";
import { call, post } from "./client.ts";
import { OtlpReceiver, type ReceivedSpan } from "./otlp_receiver.ts";
import { colourModels, colourPicture } from "./pictures.ts";
import { Started } from "./started.ts";
import { printingLog, startWeir, type Weir } from "./weir.ts";

const PHOTO = await colourPicture([250, 20, 10]);

/** The trace that a client is in. */
const CLIENT = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

/** Begins as a PNG does, and goes on as none. */
const DAMAGED = PHOTO.bytes.slice(0, 60);

const STAGES = ["queue", "decode", "wait", "infer", "reply"];

Deno.test("a job is one trace from the request to the reply, linked with its batch", async () => {
  await using receiver = new OtlpReceiver();
  await using weir = await startWeir({
    env: {
      ...receiver.settings,
      WEIR_LOG_LEVEL: "debug",
      // Two jobs of one image are a batch.
      WEIR_BATCH_MAX: "2",
      WEIR_BATCH_LINGER_MS: "10000",
    },
  });
  await printingLog(weir, async () => {
    const traceparent = `00-${CLIENT.traceId}-${CLIENT.spanId}-01`;
    const [job, mate] = await Promise.all([
      post(`${weir.url}/v1/jobs`, PHOTO.bytes, { prefer: "wait=60", traceparent }),
      post(`${weir.url}/v1/jobs`, PHOTO.bytes, { prefer: "wait=60" }),
    ]);
    const { id } = job.body;
    await assertTold(weir, id, job.headers);
    const names = ["POST /v1/jobs", "send colour", "process colour", ...STAGES];
    const spans = await receiver.trace(CLIENT.traceId, ...names);
    assertOneJob(spans, id);
    const mateTrace = mate.headers.get("traceresponse")!.split("-")[1]!;
    assert.notEqual(mateTrace, CLIENT.traceId);
    const mates = await receiver.trace(mateTrace, ...names);
    assertBatch(receiver, [spans, mates]);
    await weir.drain();
  });
});

Deno.test("a job that fails is an error in its trace, and what a role had to tell it tells at its end", async () => {
  await using receiver = new OtlpReceiver();
  await using weir = await startWeir({
    // Longer than the test: what is told is told because the roles end.
    env: { ...receiver.settings, OTEL_BSP_SCHEDULE_DELAY: "600000" },
  });
  await printingLog(weir, async () => {
    const { status, headers } = await post(`${weir.url}/predict`, DAMAGED);
    assert.equal(status, 422);
    await weir.drain();
    const [, traceId] = headers.get("traceresponse")!.split("-");
    const spans = await receiver.trace(traceId!, "process colour", "POST /predict");
    const failed = byName(spans, "process colour");
    assert.equal(failed.status, 2);
    assert.equal(failed.attributes["error.type"], "failed");
    assert(!spans.some(({ name }) => name === "infer"));
  });
});

Deno.test("without the exporter nothing is traced, and a client's trace is named all the same", async () => {
  await using weir = await startWeir({ env: { WEIR_LOG_LEVEL: "debug" } });
  await printingLog(weir, async () => {
    const traceparent = `00-${CLIENT.traceId}-${CLIENT.spanId}-01`;
    const { body, headers } = await post(`${weir.url}/v1/jobs`, PHOTO.bytes, { traceparent });
    assert.equal(headers.get("traceresponse"), null);
    await weir.workers[0]!.line(new RegExp(`job begun job=${body.id} .*trace=${CLIENT.traceId}`));
    const story = await call(`${weir.url}/v1/jobs/${body.id}/explain`);
    assert.equal(story.body.traceId, CLIENT.traceId);
    await weir.drain();
  });
});

Deno.test("the roles of one start are told apart in a trace", async () => {
  await using receiver = new OtlpReceiver();
  await using models = await colourModels();
  await using started = await Started.run({
    env: { ...receiver.settings, WEIR_MODELS: models.path },
  });
  const { headers } = await post(`${await started.url()}/predict`, PHOTO.bytes);
  const [, traceId] = headers.get("traceresponse")!.split("-");
  const spans = await receiver.trace(traceId!, "POST /predict", "process colour");
  assert.equal(byName(spans, "POST /predict").service, "weir-gateway");
  assert.equal(byName(spans, "process colour").service, "weir-worker");
  started.kill("SIGTERM");
  assert.equal(await started.code(), 0);
});

/** The trace is named to the client, in the log of both roles, and by the story. */
async function assertTold(weir: Weir, id: string, headers: Headers): Promise<void> {
  assert.match(headers.get("traceresponse")!, new RegExp(`^00-${CLIENT.traceId}-[0-9a-f]{16}-01$`));
  for (const role of [...weir.gateways, ...weir.workers]) {
    await role.line(new RegExp(`job (queued|begun) job=${id} .*trace=${CLIENT.traceId}`));
  }
  await weir.workers[0]!.line(new RegExp(`job settled job=${id} .*trace=${CLIENT.traceId}`));
  const { body } = await call(`${weir.url}/v1/jobs/${id}/explain`);
  assert.equal(body.traceId, CLIENT.traceId);
}

function byName(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name);
  assert.equal(found.length, 1, `${found.length} spans "${name}"`);
  return found[0]!;
}

/** Who is whose parent, and what the conventions for messaging want to be said. */
function assertOneJob(spans: readonly ReceivedSpan[], id: string): void {
  const request = byName(spans, "POST /v1/jobs");
  assert.deepEqual([request.kind, request.parentSpanId], [2, CLIENT.spanId]);
  assert.equal(request.attributes["http.route"], "/v1/jobs");
  const send = byName(spans, "send colour");
  assert.deepEqual([send.kind, send.parentSpanId], [4, request.spanId]);
  const process = byName(spans, "process colour");
  assert.deepEqual([process.kind, process.parentSpanId], [5, send.spanId]);
  for (const [span, operation] of [[send, "send"], [process, "process"]] as const) {
    const { attributes } = span;
    assert.equal(attributes["messaging.system"], "redis");
    assert.equal(attributes["messaging.operation.type"], operation);
    assert.equal(attributes["messaging.destination.name"], "jobs:colour");
    assert.equal(attributes["messaging.message.id"], id);
    assert.equal(Number(attributes["messaging.message.body.size"]), PHOTO.bytes.length);
  }
  assert.equal(byName(spans, "queue").parentSpanId, send.spanId);
  for (const stage of STAGES.slice(1)) {
    assert.equal(byName(spans, stage).parentSpanId, process.spanId, stage);
  }
}

/** The batch is linked with both jobs, and each job's run with the batch. */
function assertBatch(
  { spans }: OtlpReceiver,
  jobs: readonly (readonly ReceivedSpan[])[],
): void {
  const placeOf = ({ traceId, spanId }: Pick<ReceivedSpan, "traceId" | "spanId">) =>
    `${traceId} ${spanId}`;
  const batch = byName(spans, "batch colour");
  const processes = jobs.map((job) => placeOf(byName(job, "process colour")));
  assert.deepEqual(batch.links.map(placeOf).sort(), processes.sort());
  assert.equal(Number(batch.attributes["messaging.batch.message_count"]), 2);
  for (const job of jobs) {
    assert.deepEqual(byName(job, "infer").links.map(placeOf), [placeOf(batch)]);
  }
}
