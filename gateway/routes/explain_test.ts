import assert from "node:assert/strict";
import { success } from "../../shared/testing/broker.ts";
import { keyDigest, newApiKey } from "../keys/api_key.ts";
import { openApp, type OpenedApp, PHOTO, problem } from "../testing/app.ts";

const MATE = "0-00000000-0000-4000-8000-00000000abcd";

/** A batch of two jobs, the other of which is somebody's. */
const WORK = {
  beginMs: 0.5,
  decodeMs: 0,
  waitMs: 0,
  inferMs: 0,
  batches: [{ number: 3, images: 2, jobs: 2, mates: [MATE], ms: 0 }],
};

async function submitted({ app }: OpenedApp, init: RequestInit = {}): Promise<string> {
  const response = await app.request("/v1/jobs", { method: "POST", body: PHOTO, ...init });
  assert.equal(response.status, 202);
  return (await response.json()).id;
}

/** Answers the next job as a worker that tells what it did. */
async function answer(opened: OpenedApp): Promise<void> {
  const { delivery } = await opened.begin();
  await opened.broker.source.settle([{ ...success(delivery), work: WORK }]);
}

Deno.test("a job's story is told whether it is queued, running or over", async () => {
  await using opened = await openApp();
  const id = await submitted(opened);
  const read = async () => {
    const response = await opened.app.request(`/v1/jobs/${id}/explain`);
    assert.equal(response.status, 200);
    return await response.json();
  };
  const queued = await read();
  assert.match(queued.summary, /^queued, accepted \d+ ms ago/);
  assert.deepEqual([queued.attempts, queued.told, queued.gateway], [[], ["g1"], "g1"]);
  await answer(opened);
  const over = await read();
  assert.equal(over.job.state, "succeeded");
  const [{ worker, number, end, work }] = over.attempts;
  assert.deepEqual([worker, number, end, work], ["w1", 1, "succeeded", WORK]);
  assert.equal(over.imageBytes, PHOTO.length);
});

Deno.test("a job past its deadline is expired before its story is told", async () => {
  await using opened = await openApp();
  const id = await submitted(opened, { headers: { "X-Request-Timeout-Ms": "1" } });
  let story;
  do {
    story = await (await opened.app.request(`/v1/jobs/${id}/explain`)).json();
  } while (story.job.state !== "expired");
  assert.match(story.events.at(-1).text, /expired: gateway g1 found its deadline passed/);
});

Deno.test("a story that is not there says what that can mean", async () => {
  await using opened = await openApp();
  const response = await opened.app.request(`/v1/jobs/${MATE}/explain`);
  assert.match(await problem(response, 404, "not_found"), /its record is gone, 60 s after/);
});

Deno.test("who was in a batch with a job is told to administrators alone", async () => {
  const [ada, root] = [newApiKey(), newApiKey()];
  const keys = [
    { name: "ada", digest: keyDigest(ada), role: "client" },
    { name: "root", digest: keyDigest(root), role: "admin" },
  ] as const;
  await using opened = await openApp({ keys });
  const authorization = `Bearer ${ada}`;
  const id = await submitted(opened, { headers: { authorization } });
  await answer(opened);
  for (const [key, mates] of [[ada, []], [root, [MATE]]] as const) {
    const headers = { authorization: `Bearer ${key}` };
    const response = await opened.app.request(`/v1/jobs/${id}/explain`, { headers });
    const { attempts: [{ work }] } = await response.json();
    assert.deepEqual(work.batches[0].mates, mates);
  }
});
