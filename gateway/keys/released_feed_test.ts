import assert from "node:assert/strict";
import { BrokerUnavailable, type FeedItem, type ResultFeed } from "../../shared/broker.ts";
import type { JobId, JobState } from "../../shared/job.ts";
import { newJob } from "../../shared/testing/broker.ts";
import { keptLog } from "../../shared/testing/kept_log.ts";
import type { ApiKey } from "./api_key.ts";
import { ReleasedFeed } from "./released_feed.ts";

const digest = new Uint8Array(32);
const KEYS: readonly ApiKey[] = [
  { name: "ada", digest, role: "client", quota: { windowMs: 60_000, jobsMax: 1 } },
  { name: "bob", digest, role: "client", quota: { windowMs: 60_000, requestsMax: 1 } },
];

function event(owner: string, state: JobState): FeedItem & { readonly kind: "event" } {
  const { id } = newJob();
  const images = { total: 1, done: 0 };
  const times = { createdAt: 0, deadlineAt: 1, attempts: 1, timings: {} };
  return {
    kind: "event",
    event: { id, record: { id, owner, model: "m", state, images, ...times }, from: 0 },
    ours: true,
  };
}

/** What comes out of the feed for what goes in. */
async function fed(
  items: readonly FeedItem[],
  release: (owner: string, id: JobId) => Promise<void>,
): Promise<{ readonly items: readonly FeedItem[]; readonly log: ReturnType<typeof keptLog> }> {
  const log = keptLog();
  const feed: ResultFeed = {
    async *items(): AsyncIterable<FeedItem> {
      yield* items;
    },
  };
  const keys = { named: (name: string) => KEYS.find((key) => key.name === name) };
  const released = new ReleasedFeed({ feed, keys, quotas: { release }, log });
  return { items: await Array.fromAsync(released.items(new AbortController().signal)), log };
}

Deno.test("only outcomes of keys that bound their jobs at once are released, and all passed on", async () => {
  const done = event("ada", "succeeded");
  const given: FeedItem[] = [
    { kind: "gap", shard: 0, reason: "none" },
    event("ada", "running"),
    done,
    ...["bob", "eve", ""].map((owner) => event(owner, "succeeded")),
  ];
  const released: unknown[] = [];
  const { items } = await fed(given, (...which) => {
    released.push(which);
    return Promise.resolve();
  });
  assert.deepEqual(items, given);
  assert.deepEqual(released, [["ada", done.event.id]]);
});

Deno.test("the feed goes on although a job cannot be released, and the log says which", async () => {
  const given = [event("ada", "failed"), event("ada", "expired")];
  const { items, log } = await fed(given, () => {
    return Promise.reject(new BrokerUnavailable("away", "no reply"));
  });
  assert.deepEqual(items, given);
  assert.deepEqual(log.lines.map(({ fields }) => fields.job), given.map(({ event: { id } }) => id));
});
