import assert from "node:assert/strict";
import type { JobView } from "../job_view.ts";
import { Photo } from "./photo.ts";
import {
  type Asked,
  event,
  JOB_ID,
  type OpenClient,
  openClient,
  problem,
} from "./testing/client.ts";

const CREATE = "POST /v1/jobs";
const FOLLOW = `GET /v1/jobs/${JOB_ID}/events`;
const CANCEL = `DELETE /v1/jobs/${JOB_ID}`;

function job(state: JobView["state"], more: Partial<JobView> = {}): Partial<JobView> {
  return { id: JOB_ID, state, ...more };
}

const STAR = { predictions: [{ label: "star", probability: 0.75 }] };

interface Opened extends OpenClient {
  readonly photo: Photo;
  /** Its phases so far. */
  readonly phases: readonly string[];
  /** Resolves when it has entered a phase. */
  entered(phase: string): Promise<void>;
}

/** A photo that is about to be sent to a server with these answers. */
function open(answers: Readonly<Record<string, () => Response>>): Opened {
  const opened = openClient(({ what }: Asked) => answers[what]!());
  const phases: string[] = [];
  let changed = Promise.withResolvers<void>();
  const photo = new Photo(new File(["bytes"], "star.jpg"), {
    client: opened.client,
    changed: ({ phase }) => {
      phases.push(phase);
      changed.resolve();
      changed = Promise.withResolvers();
    },
  });
  photo.wait(opened.client.url("v1/jobs"));
  const entered = async (phase: string) => {
    while (!phases.includes(phase)) await changed.promise;
  };
  return { ...opened, photo, phases, entered };
}

const accepted = () => Response.json(job("queued"), { status: 202 });

/** A stream whose end the test decides on. */
function stream(): { answer: () => Response; send: (text: string) => void; end: () => void } {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  return {
    answer: () => new Response(readable),
    send: (text) => void writer.write(new TextEncoder().encode(text)),
    end: () => void writer.close(),
  };
}

Deno.test("a photo goes from phase to phase as its events tell", async () => {
  await using opened = open({
    [CREATE]: accepted,
    [FOLLOW]: () =>
      new Response([
        event(0, "queued", job("queued")),
        event(1, "running", job("running")),
        event(2, "prediction", { index: 0, ...STAR }),
        event(3, "succeeded", job("succeeded", { result: STAR })),
      ].join("")),
  });
  const { photo, phases } = opened;
  await photo.send();
  assert.deepEqual(phases, ["waiting", "sending", "queued", "queued", "running", "answered"]);
  assert.deepEqual([photo.job!.result, photo.over, photo.retryable], [STAR, true, false]);
});

Deno.test("a refused photo has its reason, and can be tried again where that may help", async () => {
  const faults = [[503, "Server busy", true], [415, "read image: no image", false]] as const;
  for (const [status, detail, retryable] of faults) {
    await using opened = open({ [CREATE]: () => problem(status, detail) });
    const { photo } = opened;
    await photo.send();
    assert.deepEqual([photo.phase, photo.retryable], ["failed", retryable]);
    assert.equal(photo.reason.toLowerCase(), `${detail.toLowerCase()}.`);
  }
});

Deno.test("a job that failed or came too late leaves a reason", async () => {
  const error = { code: "undecodable_image", detail: "decode image: truncated" } as const;
  const ends = [
    [job("failed", { error }), "Decode image: truncated.", false],
    [job("failed", { error: { ...error, code: "job_failed" } }), "Decode image: truncated.", true],
    [job("expired"), "Its deadline passed before a worker was done with it.", true],
  ] as const;
  for (const [end, reason, retryable] of ends) {
    await using opened = open({
      [CREATE]: accepted,
      [FOLLOW]: () => new Response(event(1, end.state!, end)),
    });
    const { photo } = opened;
    await photo.send();
    assert.deepEqual([photo.phase, photo.reason, photo.retryable], ["failed", reason, retryable]);
  }
});

Deno.test("a photo that is cancelled before its turn is never sent", async () => {
  await using opened = open({});
  const { photo, phases, asked } = opened;
  await photo.cancel();
  await photo.send();
  assert.deepEqual([phases, asked], [["waiting", "cancelled"], []]);
});

Deno.test("a job is cancelled by the gateway, which tells of it", async () => {
  const events = stream();
  await using opened = open({
    [CREATE]: accepted,
    [FOLLOW]: events.answer,
    [CANCEL]: () => {
      events.send(event(1, "cancelled", job("cancelled")));
      events.end();
      return Response.json(job("cancelled"));
    },
  });
  const { photo, phases, entered } = opened;
  const sent = photo.send();
  await entered("queued");
  await Promise.all([photo.cancel(), sent]);
  assert.deepEqual(phases.slice(-2), ["queued", "cancelled"]);
});

Deno.test("a job that cannot be cancelled goes on, and where it had not finished says why", async () => {
  for (const [status, reason] of [[409, ""], [503, "Not cancelled: Server busy."]] as const) {
    const events = stream();
    await using opened = open({
      [CREATE]: accepted,
      [FOLLOW]: events.answer,
      [CANCEL]: () => problem(status, "server busy"),
    });
    const { photo, entered } = opened;
    const sent = photo.send();
    await entered("queued");
    await photo.cancel();
    assert.deepEqual([photo.phase, photo.reason], ["queued", reason]);
    events.send(event(1, "succeeded", job("succeeded", { result: STAR })));
    events.end();
    await sent;
    assert.deepEqual([photo.phase, photo.reason], ["answered", ""]);
  }
});
