import assert from "node:assert/strict";
import { answered, Following, progressOf, queuedJob } from "../testing/following.ts";
import type { FollowedJob } from "./followed_job.ts";

/** What a listener hears, shortly. */
function listen(job: FollowedJob): string[] {
  const heard: string[] = [];
  job.listen({
    events: (events) => void heard.push(...events.map(({ id, name }) => `${id} ${name}`)),
    end: () => void heard.push("end"),
  });
  return heard;
}

const BEGUN = ["0 queued", "1 running"];
const ANSWERS = ["2 prediction", "3 prediction", "4 prediction"];

Deno.test("news that comes before the record is told after it", async () => {
  const following = new Following();
  const record = queuedJob(3);
  using job = following.begin(record);
  await following.tell(progressOf(record, 1, 2));
  job.attached(answered(record, 0, 1));
  assert.deepEqual(listen(job), [...BEGUN, ...ANSWERS.slice(0, 2)]);
});

Deno.test("news that comes before a record with the outcome is not told before it", async () => {
  const following = new Following();
  const record = queuedJob(3);
  const job = following.begin(record);
  await following.tell(progressOf(record, 1, 2));
  job.attached(answered(record, 0, 3));
  const heard = listen(job);
  assert.deepEqual(heard, [...BEGUN, ...ANSWERS, "5 succeeded", "end"]);
  assert.deepEqual([following.waiters.size, following.clock.waiting], [0, 0]);
});

Deno.test("an outcome that comes before the record is told after it, and then the end", async () => {
  const following = new Following();
  const record = queuedJob(3);
  const job = following.begin(record);
  await following.tell(progressOf(record, 0, 1));
  await following.tell(progressOf(record, 0, 3));
  job.attached(record);
  const heard = listen(job);
  assert.deepEqual(heard, [...BEGUN, ...ANSWERS, "5 succeeded", "end"]);
});

Deno.test("a job that is followed no more tells nothing, not even the end", async () => {
  const following = new Following();
  const record = queuedJob(3);
  const job = following.begin(record);
  job.attached(record);
  const heard = listen(job);
  job[Symbol.dispose]();
  await following.tell(progressOf(record, 0, 3));
  assert.deepEqual(heard, ["0 queued"]);
  assert.deepEqual([following.waiters.size, following.clock.waiting], [0, 0]);
});
