import assert from "node:assert/strict";
import sharp from "sharp";
import { type Answer, assertProblem, assertSees, call, form, post } from "./client.ts";
import { colourPicture } from "./pictures.ts";
import { testWeir } from "./weir.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const GOOD = await colourPicture([250, 20, 10]);
const TEXT = new TextEncoder().encode("A photo, honestly.\n");
const SVG = new TextEncoder().encode(
  '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
);
const TRUNCATED = await truncatedJpeg();

/** Generous: what is asserted is that the answer comes, not how fast this machine is. */
const ANSWER_MAX_MS = 10_000;

/** The first half of a photo: its header is whole. */
async function truncatedJpeg(): Promise<Bytes> {
  const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
  const image = sharp({
    create: { width: 200, height: 150, channels: 3, background: "grey", noise },
  });
  const bytes = new Uint8Array(await image.jpeg().toBuffer());
  return bytes.slice(0, bytes.length / 2);
}

/** A small picture that says it were larger: the size stands at 16 and 20 of a PNG's header. */
function hugePng(width: number, height: number): Bytes {
  const bytes = GOOD.bytes.slice();
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
}

/** A body that comes in pieces, its length not declared. */
function streamed(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return new ReadableStream({
    pull(controller): void {
      if (left <= 0) return controller.close();
      controller.enqueue(new Uint8Array(Math.min(left, 65_536)).fill(0xff));
      left -= 65_536;
    },
  });
}

function send(url: string, body: BodyInit): Promise<Answer> {
  return call(url, { method: "POST", body, signal: AbortSignal.timeout(ANSWER_MAX_MS) });
}

const CASES: [name: string, body: () => BodyInit, code: string, status: number, query?: string][] =
  [
    ["a text file named x.jpg", () => fileNamed("x.jpg", TEXT), "unsupported_media_type", 415],
    ["an SVG", () => SVG, "unsupported_media_type", 415],
    ["an empty body", () => new Uint8Array(), "invalid_request", 400],
    ["an empty file", () => fileNamed("x.jpg", new Uint8Array()), "invalid_request", 400],
    ["a form without an image", () => new FormData(), "invalid_request", 400],
    ["a truncated JPEG", () => TRUNCATED, "undecodable_image", 422],
    ["a JPEG of three bytes", () => TRUNCATED.slice(0, 3), "undecodable_image", 422],
    ["a 60,000 x 60,000 PNG", () => hugePng(60_000, 60_000), "payload_too_large", 413],
    ["an 11 MB body", () => new Uint8Array(11_000_000).fill(0xff), "payload_too_large", 413],
    ["an 11 MB body of no declared length", () => streamed(11_000_000), "payload_too_large", 413],
    ["an unknown model", () => GOOD.bytes, "not_found", 404, "?model=cat"],
    ["top=0", () => GOOD.bytes, "invalid_request", 400, "?top=0"],
    ["top=101", () => GOOD.bytes, "invalid_request", 400, "?top=101"],
    ["an unknown parameter", () => GOOD.bytes, "invalid_request", 400, "?tpo=3"],
  ];

function fileNamed(name: string, bytes: Bytes): FormData {
  const data = new FormData();
  data.append("image", new Blob([bytes]), name);
  return data;
}

testWeir("what cannot be answered is refused, and the worker lives:", {}, async (weir, step) => {
  const { url, workers } = weir;
  for (const [name, body, code, status, query = ""] of CASES) {
    await step(`${name} is ${code}`, async () => {
      assertProblem(await send(`${url}/predict${query}`, body()), code, status);
      assertSees((await post(`${url}/predict`, GOOD.bytes)).body.predictions, GOOD);
    });
  }

  await step("a damaged photo ends its job with the reason", async () => {
    const accepted = await post(`${url}/v1/jobs`, TRUNCATED);
    assert.equal(accepted.status, 202);
    const job = await call(`${url}/v1/jobs/${accepted.body.id}`, {
      headers: { prefer: "wait=30" },
    });
    assert.equal(job.status, 200);
    assert.equal(job.body.state, "failed");
    assert.equal(job.body.error.code, "undecodable_image");
    assert.equal(job.body.result, null);
  });

  await step("of several photos, the damaged one is named", async () => {
    const answer = await post(`${url}/predict`, form(GOOD.bytes, TRUNCATED, GOOD.bytes));
    assertProblem(answer, "undecodable_image", 422);
    assert.match(answer.body.detail, /^image 2 of 3: /);
  });

  await step("and of all this nothing is left", async () => {
    assert.equal(workers[0]!.over, false);
    await weir.assertEmpty();
  });
});

testWeir("a damaged photo fails alone among the others of its batch", {}, async (weir) => {
  await post(`${weir.url}/predict`, GOOD.bytes);
  await weir.stopWorker(weir.workers[0]!);
  const answers = Array.from(
    { length: 21 },
    (_, i) => post(`${weir.url}/predict`, i === 10 ? TRUNCATED : GOOD.bytes),
  );
  await weir.untilAdmitted(answers.length);
  await weir.startWorker();
  for (const [i, answer] of (await Promise.all(answers)).entries()) {
    if (i === 10) assertProblem(answer, "undecodable_image", 422);
    else assertSees(answer.body.predictions, GOOD);
  }
  await weir.assertEmpty();
});

testWeir("what runs in a worker finds nothing but the network", { workers: 0 }, async (weir) => {
  const worker = await weir.startWorker({}, { program: "e2e/prying_worker.ts" });
  assertSees((await post(`${weir.url}/predict`, GOOD.bytes)).body.predictions, GOOD);
  // The model was tried once before, when it was loaded.
  const pried = worker.lines.filter((line) => line.startsWith("pried: "));
  assert.match(pried[0]!, /read/);
  assert.equal(pried.at(-1), "pried: nothing");
});
